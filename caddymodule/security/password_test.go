package security_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

const chosenByJan = " fiets koe \U0001F33B zonnebloem "

// keepPath is where a generated password is shown, and where it leads on.
const keepPath = "/gateway/recover/keep?to=%2Fgateway%2Fsecurity%2F"

func (h *house) fresh() string {
	h.t.Helper()
	password, err := h.book.Fresh(context.Background(), h.jan())
	testkit.Must(h.t, err)
	return password
}

func TestAnOwnPasswordFromOnToOff(t *testing.T) {
	onStores(t, func(h *house) {
		b := h.login()
		h.want(b.post("/password", "new", chosenByJan, "password", password), 403, cause.Forbidden, "")
		if body := b.get("/password").Body.String(); strings.Contains(body, `name="new"`) || !strings.Contains(body, `data-password="generated"`) {
			h.t.Errorf("without a second step: %s", body)
		}
		seed, codes := b.setUp()
		h.push(time.Minute)
		other := h.login()
		h.want(b.post("/password", "new", chosenByJan, "password", password), 401, cause.SecondStepFailed, "")
		h.want(b.post("/password", "new", chosenByJan, "password", "wrong", "code", codes[0]), 401, cause.WrongPassword, "")
		if h.jan().Password != password {
			h.t.Fatal("changed without a proof")
		}
		h.want(b.post("/password", "new", chosenByJan, "password", password, "code", codes[0]), 303, "", "/gateway/security/password?done=own")
		u := h.jan()
		if u.Password != chosenByJan || !u.PasswordChosen || !directory.OwnPassword(u) {
			h.t.Errorf("%+v", u)
		}
		if c, _ := b.in(); c != cause.None {
			h.t.Errorf("this session: %q", c)
		}
		if c, _ := other.in(); c != cause.SessionEnded {
			h.t.Errorf("the other session: %q", c)
		}
		if last := h.mails[len(h.mails)-1]; last.Letter.Kind != letter.PasswordChanged || last.Letter.NotMe == "" {
			h.t.Errorf("told by %+v", last)
		}
		if res := b.get("/password?done=own"); testkit.Attr(res, "data-password") != "own" || !strings.Contains(res.Body.String(), "Your new password works") {
			h.t.Errorf("%s", res.Body)
		}
		// It is compared exactly as typed.
		h.want(b.post("/password", "new", "an entirely new one", "password", strings.TrimSpace(chosenByJan), "code", codes[1]), 401, cause.WrongPassword, "")
		// It goes with the second step.
		if body := b.get("/second-step").Body.String(); !strings.Contains(body, "You chose your password yourself") {
			h.t.Errorf("nothing says that it goes: %s", body)
		}
		h.want(b.post("/second-step/off", "password", chosenByJan, "code", h.code(seed)), 303, "", keepPath+"second-step%3Fdone%3Doff")
		u = h.jan()
		if u.SecondStep || u.PasswordChosen || directory.OwnPassword(u) || u.Password != h.fresh() || u.Password == chosenByJan {
			h.t.Errorf("%+v, shown %q", u, h.fresh())
		}
		if got := h.letters(); !strings.HasSuffix(got, letter.SecondStepOff+" "+letter.PasswordChanged) {
			h.t.Errorf("told by %s", got)
		}
	})
}

// Whoever switches a second step off, and in whatever way: no own password stays.
func TestNoOwnPasswordWithoutASecondStep(t *testing.T) {
	onStores(t, func(h *house) {
		b := h.login()
		_, codes := b.setUp()
		h.want(b.post("/password", "new", chosenByJan, "password", password, "code", codes[0]), 303, "", "/gateway/security/password?done=own")
		h.edit(func(u *store.User) { u.SecondStep = false })
		if u := h.jan(); u.Password != "" || u.PasswordChosen || directory.OwnPassword(u) {
			h.t.Errorf("%+v", u)
		}
		// What support chose, or an import brought along, is not theirs and stays.
		h.edit(func(u *store.User) {
			u.Password, u.PasswordChosen, u.PasswordChanged, u.SecondStep = "brought along", true, h.now(), true
		})
		h.edit(func(u *store.User) { u.SecondStep = false })
		if u := h.jan(); u.Password != "brought along" {
			h.t.Errorf("%+v", u)
		}
	})
}

var suggested = regexp.MustCompile(`<code id="suggestion"[^>]*>([A-Za-z0-9]+)</code>`)

func TestWhatIsNotTaken(t *testing.T) {
	onStores(t, func(h *house) {
		b := h.login()
		_, codes := b.setUp()
		for typed, says := range map[string]string{
			"": "shorter than 8", "Kq7Wm3t": "shorter than 8", strings.Repeat("fiets koe ", 13): "longer than 128", "welkom01": "Many people",
			"jan@example.test": "everybody knows", "Gateway Test": "everybody knows", "abcabcabc": "keyboard", "leaked by somebody": "leaked passwords",
			password: "already",
		} {
			res := b.post("/password", "new", typed, "password", password, "code", codes[0])
			h.want(res, 400, cause.BadRequest, "")
			if !strings.Contains(res.Body.String(), says) || suggested.FindString(res.Body.String()) == "" {
				h.t.Errorf("%q: %s", typed, res.Body)
			}
		}
		// None of these cost the code.
		h.want(b.post("/password", "new", suggested.FindStringSubmatch(b.get("/password").Body.String())[1], "password", password, "code", codes[0]),
			303, "", "/gateway/security/password?done=own")
		h.listDown = true
		h.want(b.post("/password", "new", "fiets koe boom water", "password", h.jan().Password, "code", codes[1]), 503, cause.Busy, "")
	})
}

// What was typed is still there when a code had to be mailed first.
func TestNothingIsLostOverAProof(t *testing.T) {
	onStores(t, func(h *house) {
		b := h.login()
		_, codes := b.setUp()
		const typed = `"fiets" & <koe> 'water'`
		res := b.post("/password", "new", typed, "mail", "1")
		h.want(res, 401, cause.FreshProofRequired, "")
		if body := res.Body.String(); !strings.Contains(body, `value="&#34;fiets&#34; &amp; &lt;koe&gt; &#39;water&#39;"`) || !strings.Contains(body, `id="mailed-own"`) {
			h.t.Errorf("%s", body)
		}
		h.want(b.post("/password", "new", typed, "mailed", h.mailed(), "code", codes[0]), 303, "", "/gateway/security/password?done=own")
		if h.jan().Password != typed {
			h.t.Errorf("%q", h.jan().Password)
		}
	})
}

func TestAGeneratedPasswordForWhoeverWantsOne(t *testing.T) {
	onStores(t, func(h *house) {
		b, other := h.login(), h.login()
		h.want(b.post("/password/generate", "password", "wrong"), 401, cause.WrongPassword, "")
		h.want(b.post("/password/generate", "password", password), 303, "", keepPath+"password")
		if u := h.jan(); u.Password == password || u.PasswordChosen || u.Password != h.fresh() {
			h.t.Errorf("%+v", u)
		}
		if c, _ := other.in(); c != cause.SessionEnded {
			h.t.Errorf("the other session: %q", c)
		}
		if got := h.letters(); got != letter.PasswordChanged {
			h.t.Errorf("told by %s", got)
		}
		// Nor is a password missing for long.
		h.edit(func(u *store.User) { u.Password = "" })
		h.want(b.post("/password/generate", "mail", "1"), 401, cause.FreshProofRequired, "")
		h.want(b.post("/password/generate", "mailed", h.mailed()), 303, "", keepPath+"password")
		if h.jan().Password != h.fresh() {
			h.t.Error("no password")
		}
	})
}

// Chosen while the second step is being switched off, by the same person in two
// tabs: whichever comes first, an own password never stands alone.
func TestChoosingWhileTheSecondStepGoesOff(t *testing.T) {
	onStores(t, func(h *house) {
		for range 6 {
			h.edit(func(u *store.User) { u.Password, u.PasswordChosen, u.PasswordChanged = password, false, h.now() })
			b := h.login()
			_, codes := b.setUp()
			var both sync.WaitGroup
			both.Go(func() { b.post("/password", "new", chosenByJan, "password", password, "code", codes[0]) })
			both.Go(func() { b.post("/second-step/off", "password", password, "code", codes[1]) })
			both.Wait()
			u := h.jan()
			if directory.OwnPassword(u) && !u.SecondStep || u.Password == chosenByJan && !u.SecondStep {
				h.t.Fatalf("an own password without a second step: %+v", u)
			}
			if u.SecondStep {
				h.edit(func(u *store.User) { u.SecondStep = false })
			}
		}
	})
}

func TestAFormOfBeforeChangesNothing(t *testing.T) {
	onStores(t, func(h *house) {
		b := h.login()
		_, codes := b.setUp()
		form := []string{"new", chosenByJan, "password", password, "code", codes[0]}
		h.want(b.post("/password", form...), 303, "", "/gateway/security/password?done=own")
		before := h.jan()
		h.want(b.post("/password", form...), 401, cause.WrongPassword, "") // sent again
		if after := h.jan(); !after.PasswordChanged.Equal(before.PasswordChanged) || after.Epoch != before.Epoch {
			h.t.Error("a form that was sent again changed something")
		}
		b.header = map[string]string{"Sec-Fetch-Dest": "empty"} // a script of the app
		for _, path := range []string{"/password", "/password/generate"} {
			if res := b.post(path, "new", "quite another password", "password", chosenByJan, "code", codes[1]); res.Code != 403 || res.Body.Len() != 0 {
				h.t.Errorf("%s for a script: %d", path, res.Code)
			}
		}
		if h.jan().Password != chosenByJan {
			h.t.Error("changed by a script")
		}
	})
}

func TestWithoutMailThereIsNoPasswordPage(t *testing.T) {
	onStores(t, func(h *house) {
		h.withoutMail()
		b := h.login()
		if res := b.get("/password"); res.Code != 404 {
			h.t.Errorf("%d", res.Code)
		}
		if body := b.get("").Body.String(); strings.Contains(body, `data-card="password"`) || !strings.Contains(body, `data-card="second"`) {
			h.t.Errorf("%s", body)
		}
	})
}

// A fresh password that waits to be stored is right no more after another.
func TestAnOwnPasswordEndsTheFreshOne(t *testing.T) {
	onStores(t, func(h *house) {
		b := h.login()
		h.want(b.post("/password/generate", "password", password), 303, "", keepPath+"password")
		was := h.fresh()
		h.want(b.post("/second-step/start", "password", was), 303, "", "/gateway/security/second-step")
		seed := strings.ReplaceAll(keyShown.FindStringSubmatch(b.get("/second-step").Body.String())[1], " ", "")
		h.want(b.post("/second-step/confirm", "code", h.code(seed)), 303, "", "/gateway/security/second-step")
		codes := b.codes()
		h.want(b.post("/second-step/on", "stored", "1"), 303, "", "/gateway/security/second-step?done=on")
		h.want(b.post("/password", "new", chosenByJan, "password", was, "code", codes[0]), 303, "", "/gateway/security/password?done=own")
		if _, err := h.book.Fresh(context.Background(), h.jan()); !errors.Is(err, ticket.ErrNone) {
			h.t.Errorf("the fresh one is still shown: %v", err)
		}
	})
}
