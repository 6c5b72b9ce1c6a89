package secondfactor_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

func TestALoginInTwoSteps(t *testing.T) {
	onStores(t, func(h *house) {
		b := h.browser("192.0.2.1")
		res := b.first("jan")
		h.Want(res, 401, cause.SecondStepRequired, "")
		if testkit.Attr(res, "data-reference") == "" || !strings.Contains(res.Body.String(), `action="/gateway/second-step?to=%2Fclients%3Fx%3D1"`) ||
			!strings.Contains(res.Body.String(), "Jan &amp; Co") || b.Cookies[cookie.Session] != "" {
			h.T.Errorf("cookies %v, page %s", b.Cookies, res.Body)
		}
		h.Want(b.Get("/gateway/second-step"), 200, "", "") // Reload
		res = b.step(h.wrongCode())
		h.Want(res, 401, cause.SecondStepFailed, "")
		if testkit.Attr(res, "data-reference") == "" {
			h.T.Error("a refused code has no reference")
		}
		code := h.code()
		h.Want(b.step(" "+code[:3]+" - "+code[3:]), 303, "", "/clients?x=1")
		f, ok := b.in()
		if !ok {
			h.T.Fatalf("not logged in: %q", f.Cause)
		}
		all, err := h.Sessions.Of(context.Background(), "praktijk", "jan")
		testkit.Must(h.T, err)
		if len(all) != 1 || !slices.Equal(all[0].Amr, []string{"pwd", "otp", "mfa"}) || !all[0].Remember {
			h.T.Errorf("%+v", all)
		}
		// The way in is used up.
		h.Want(b.step(code), 401, cause.NotLoggedIn, "")
		h.Want(h.browser("192.0.2.1").Get("/gateway/second-step?to=%2Fclients"), 303, "", "/gateway/login?to=%2Fclients")
	})
}

func TestATicketIsUsedWhenTheSecondStepSucceededAndNotBefore(t *testing.T) {
	onStores(t, func(h *house) {
		b := h.browser("192.0.2.1")
		h.Want(b.Post("/first", "user", "jan", "ticket", "mail-1"), 401, cause.SecondStepRequired, "")
		h.Want(b.step(h.wrongCode()), 401, cause.SecondStepFailed, "")
		if len(h.Settled()) != 0 {
			h.T.Fatalf("used before the second step: %v", h.Settled())
		}
		h.Want(b.step(h.code()), 303, "", "/mailed")
		if !slices.Equal(h.Settled(), []string{"mail-1"}) {
			h.T.Errorf("used: %v", h.Settled())
		}
		all, err := h.Sessions.Of(context.Background(), "praktijk", "jan")
		testkit.Must(h.T, err)
		if len(all) != 1 || !slices.Equal(all[0].Amr, []string{"otp", "mfa"}) {
			h.T.Errorf("%+v", all)
		}
	})
}

// Whoever has only the first factor is nobody, whatever they make of what they got.
func TestHalfALoginIsNone(t *testing.T) {
	onStores(t, func(h *house) {
		b := h.browser("192.0.2.1")
		b.first("jan")
		for name, value := range b.Cookies {
			thief := h.browser("198.51.100.7")
			thief.Cookies[cookie.Session] = value // as a session
			if f, ok := thief.in(); ok || f.Session != nil {
				h.T.Errorf("%s opens as a session", name)
			}
			thief.Cookies = map[string]string{cookie.Device: value} // as a device
			h.Want(thief.first("jan"), 401, cause.SecondStepRequired, "")
		}
		h.Want(b.Get("/gateway/login"), 200, "", "") // not sent on
		// Another browser does not get on with it: what names it is not enough.
		thief := h.browser("198.51.100.7")
		page := b.Get("/gateway/second-step").Body.String()
		_, rest, _ := strings.Cut(page, `name="login" value="`)
		handle, _, _ := strings.Cut(rest, `"`)
		if handle == "" {
			h.T.Fatal(page)
		}
		h.Want(thief.step(h.code(), "login", handle), 401, cause.NotLoggedIn, "")
		thief.Get("/gateway/login")
		h.Want(thief.step(h.code(), "login", handle), 401, cause.NotLoggedIn, "")
		// Nor with a forged or a cut cookie.
		for name, value := range b.Cookies {
			thief.Cookies = map[string]string{name: value[:len(value)-2] + "xx"}
			h.Want(thief.step(h.code()), 401, cause.NotLoggedIn, "")
		}
		h.Want(b.step(h.code()), 303, "", "/clients?x=1")
	})
}

// The budget of codes is the user's, over all logins, networks and devices, and no
// first step gives it back.
func TestGuessingOverManyLoginsAndNetworks(t *testing.T) {
	onStores(t, func(h *house) {
		last := 0
		for i := range 7 {
			b := h.browser(fmt.Sprintf("203.0.113.%d", i+1))
			b.first("jan")
			last = b.step(h.wrongCode()).Code
			if want := 401; i < 5 && last != want {
				h.T.Fatalf("guess %d: %d", i+1, last)
			}
			testkit.Must(h.T, h.Limits.Proved(context.Background(), attempt.Subject("jan", "")))
		}
		if last != 429 {
			h.T.Fatalf("guess 7: %d", last)
		}
		// The right code does not help now, and no recovery code, on a known device either.
		b := h.browser("192.0.2.1")
		b.first("jan")
		for _, code := range []string{h.code(), h.setup.Codes[0]} {
			res := b.step(code)
			h.Want(res, 429, cause.TooManyAttempts, "")
			if res.Header().Get("Retry-After") == "" {
				h.T.Error("nobody is told when to come back")
			}
		}
		for range 200 {
			if h.Letters() != "" {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if h.Letters() == "" {
			h.T.Error("the user is not told that somebody guesses")
		}
		h.Push(time.Minute)
		h.Want(b.step(h.code()), 303, "", "/clients?x=1")
		if states, err := h.Limits.Show(context.Background(), attempt.Subject("jan", "")); err != nil || len(states) != 0 {
			h.T.Errorf("success forgets: %+v, %v", states, err)
		}
	})
}

// P32: starting the login again and again buys no guesses. A soak makes ten thousand
// over the hundred logins.
func TestGuessingOverAHundredLoginsAtOnce(t *testing.T) {
	const logins = 100
	each := 10
	if os.Getenv("SOAK") == "1" {
		each = 100
	}
	onStores(t, func(h *house) {
		code, answers := h.wrongCode(), make(chan string, logins*each)
		var guessing sync.WaitGroup
		for i := range logins {
			b := h.browser(fmt.Sprintf("203.0.113.%d", i+1))
			b.first("jan")
			guessing.Go(func() {
				for range each {
					answers <- testkit.Attr(b.step(code), "data-cause")
				}
			})
		}
		guessing.Wait()
		close(answers)
		told := map[cause.Cause]int{}
		for answer := range answers {
			told[cause.Cause(answer)]++
		}
		if free := limit.Defaults().SecondStep.Free; told[cause.SecondStepFailed] != free || told[cause.TooManyAttempts] != logins*each-free {
			h.T.Errorf("%d guesses were answered %v", logins*each, told)
		}
	})
}

func TestFiftyAtOnceWithOneCode(t *testing.T) {
	onStores(t, func(h *house) {
		code := h.code()
		browsers := make([]*browser, 50)
		for i := range browsers {
			browsers[i] = h.browser(fmt.Sprintf("203.0.113.%d", i+1))
			browsers[i].first("jan")
		}
		var wg sync.WaitGroup
		for _, b := range browsers {
			wg.Go(func() { b.step(code) })
		}
		wg.Wait()
		in := 0
		for _, b := range browsers {
			if _, ok := b.in(); ok {
				in++
			}
		}
		if in != 1 {
			h.T.Errorf("%d got in", in)
		}
	})
}

// Two tabs, and two people on one computer.
func TestASecondLoginInParallel(t *testing.T) {
	onStores(t, func(h *house) {
		h.user("eva", "teammate")
		evas := h.enrol("eva")
		b := h.browser("192.0.2.1")
		jans := testkit.Attr(b.first("jan"), `name="login" value`)
		if again := testkit.Attr(b.Get("/gateway/second-step"), `name="login" value`); jans == "" || again != jans {
			h.T.Errorf("the login is called %q, then %q", jans, again)
		}
		b.first("eva")
		// Jan's tab is told; his code is not compared with Eva's, nor counted.
		res := b.step(h.code(), "login", jans)
		h.Want(res, 401, cause.NotLoggedIn, "")
		if states, err := h.Limits.Show(context.Background(), attempt.Subject("eva", "")); err != nil || len(states) != 0 {
			h.T.Errorf("counted for eva: %+v, %v", states, err)
		}
		h.Want(b.step(h.code()), 401, cause.SecondStepFailed, "") // without the field: it is Eva's
		h.Want(b.step(evas.Codes[0]), 303, "", "/clients?x=1")
		if f, ok := b.in(); !ok || f.User.ID() != "eva" {
			h.T.Errorf("logged in as %v", f.User)
		}
		// Each tab comes back to its own page.
		one := h.browser("192.0.2.9")
		one.Post("/first?to=%2Fone", "user", "jan")
		one.Post("/first?to=%2Ftwo", "user", "jan")
		h.Push(time.Minute)
		h.Want(one.Post("/gateway/second-step?to=%2Fone", "code", h.code()), 303, "", "/one")
	})
}

func TestWhatComesBetweenEndsIt(t *testing.T) {
	ctx := context.Background()
	for name, between := range map[string]func(h *house){
		"a log-out of all": func(h *house) { testkit.Must(h.T, h.Dir.EndSessions(ctx, "praktijk", "jan")) },
		"a new password": func(h *house) {
			_, err := h.Dir.UpdateUser(ctx, "praktijk", "jan", func(u *store.User) error {
				u.Password, u.PasswordChanged, u.SecondStep = "other", h.Now(), false
				u.Epoch++
				return nil
			})
			testkit.Must(h.T, err)
		},
		"ten minutes": func(h *house) { h.Push(factor.HalfLife) },
	} {
		t.Run(name, func(t *testing.T) {
			onStores(t, func(h *house) {
				b := h.browser("192.0.2.1")
				b.first("jan")
				between(h)
				h.Want(b.step(h.code()), 401, cause.NotLoggedIn, "")
				if _, ok := b.in(); ok {
					h.T.Error("logged in")
				}
			})
		})
	}
	t.Run("a block", func(t *testing.T) {
		onStores(t, func(h *house) {
			b := h.browser("192.0.2.1")
			b.first("jan")
			_, err := h.Dir.UpdateUser(ctx, "praktijk", "jan", func(u *store.User) error {
				u.Block = &store.Block{By: "admin", At: h.Now()}
				return nil
			})
			testkit.Must(h.T, err)
			h.Want(b.step(h.code()), 403, cause.UserBlocked, "")
			if _, ok := b.in(); ok {
				h.T.Error("logged in")
			}
		})
	})
}

func TestCancel(t *testing.T) {
	onStores(t, func(h *house) {
		b := h.browser("192.0.2.1")
		b.first("jan")
		kept := b.Cookies[cookie.Flow]
		h.Want(b.Post("/gateway/second-step/cancel?to=%2Fclients"), 303, "", "/gateway/login?to=%2Fclients")
		b.Cookies[cookie.Flow] = kept // whoever kept the cookie has nothing
		h.Want(b.step(h.code()), 401, cause.NotLoggedIn, "")
		h.Want(h.browser("192.0.2.1").Post("/gateway/second-step/cancel"), 303, "", "/gateway/login")
	})
}

func TestATrustedDeviceIsNotAsked(t *testing.T) {
	onStores(t, func(h *house) {
		b := h.browser("192.0.2.1")
		b.first("jan")
		h.Want(b.step(h.code(), "trust", "1"), 303, "", "/clients?x=1")
		h.Want(b.first("jan"), 303, "", "/clients?x=1")
		if all, err := h.Sessions.Of(context.Background(), "praktijk", "jan"); err != nil || slices.Contains(all[0].Amr, "mfa") {
			h.T.Errorf("a step that was not taken is claimed: %v, %v", all[0].Amr, err)
		}
		// Its cookie says nothing about others, and others' nothing about jan.
		h.user("eva", "teammate")
		h.enrol("eva")
		h.Want(b.first("eva"), 401, cause.SecondStepRequired, "")
		h.Want(h.browser("192.0.2.1").first("jan"), 401, cause.SecondStepRequired, "")
		_, err := h.Dir.UpdateUser(context.Background(), "praktijk", "jan", func(u *store.User) error {
			u.Password, u.PasswordChanged = "other", h.Now()
			return nil
		})
		testkit.Must(h.T, err)
		h.Want(b.first("jan"), 401, cause.SecondStepRequired, "")
	})
}

func TestARecoveryCodeGetsInWithoutThePhone(t *testing.T) {
	onStores(t, func(h *house) {
		for left := 9; left >= 0; left-- {
			b, to := h.browser("192.0.2.1"), "/clients?x=1"
			b.first("jan")
			if left <= 3 {
				to = "/gateway/security?to=%2Fclients%3Fx%3D1" // warned
			}
			h.Want(b.step(h.setup.Codes[left]), 303, "", to)
			again := h.browser("192.0.2.1")
			again.first("jan")
			h.Want(again.step(h.setup.Codes[left]), 401, cause.SecondStepFailed, "")
		}
	})
}

func TestTheClockOfThePhoneIsTold(t *testing.T) {
	onStores(t, func(h *house) {
		b := h.browser("192.0.2.1")
		b.first("jan")
		code := h.code()
		h.Push(2 * time.Minute)
		res := b.step(code)
		h.Want(res, 401, cause.SecondStepFailed, "")
		if !strings.Contains(res.Body.String(), "120 seconds behind") {
			h.T.Errorf("not told: %s", res.Body)
		}
	})
}

func TestTheOwnerOfABlockedAccountPaysAfterTheSecondStep(t *testing.T) {
	onStores(t, func(h *house) {
		ctx := context.Background()
		h.user("olga", directory.SuperadminType)
		olga := h.enrol("olga")
		_, err := h.Dir.UpdateAccount(ctx, "praktijk", func(a *store.Account) error {
			a.State, a.UnpaidInvoices = directory.Arrears, 9
			return nil
		})
		testkit.Must(h.T, err)
		b := h.browser("192.0.2.1")
		h.Want(b.first("olga"), 401, cause.SecondStepRequired, "")
		if b.Cookies[cookie.Session] != "" {
			h.T.Fatal("a session after half a login")
		}
		h.Want(b.step(olga.Codes[0]), 403, cause.AccountArrears, "")
		if f, _ := b.in(); f.Session == nil || !f.Repair {
			h.T.Error("no session to pay with")
		}
		h.Want(h.browser("192.0.2.1").first("jan"), 403, cause.AccountArrears, "") // others are just told
	})
}

func TestMalformedForms(t *testing.T) {
	onStores(t, func(h *house) {
		b := h.browser("192.0.2.1")
		b.first("jan")
		h.Want(b.Post("/gateway/second-step"), 400, cause.BadRequest, "")
		h.Want(b.step("1", "code", "2"), 400, cause.BadRequest, "")
		h.Want(b.step("\xff"), 400, cause.BadRequest, "")
		h.Want(b.step(strings.Repeat("1", 32<<10)), 400, cause.BadRequest, "")
		for _, to := range []string{"https://evil.example", "//evil.example", `/\evil`, "/gateway/logout"} {
			res := b.Get("/gateway/second-step?to=" + strings.ReplaceAll(to, `\`, "%5C"))
			if res.Code != http.StatusOK || strings.Contains(res.Body.String(), "evil") && strings.Contains(res.Body.String(), "to=https") {
				h.T.Errorf("%s: %d", to, res.Code)
			}
		}
		h.Want(b.Post("/gateway/second-step?to=https%3A%2F%2Fevil.example", "code", h.code()), 303, "", "/")
		states, err := h.Limits.Show(context.Background(), attempt.Subject("jan", ""))
		if err != nil || slices.ContainsFunc(states, func(s limit.State) bool { return s.Failures > 0 }) {
			h.T.Errorf("forms without a code count: %+v, %v", states, err)
		}
	})
}
