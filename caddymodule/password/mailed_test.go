package password_test

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// mailed knows passwords that were mailed, by what they are.
type mailed struct {
	mu      sync.Mutex
	known   map[string]ticket.Found
	asked   []outbox.Owner
	settled []string
	told    []string
	err     error
}

func (m *mailed) Pending(_ context.Context, owner outbox.Owner, password string) (*ticket.Found, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, owner)
	if m.err != nil {
		return nil, m.err
	}
	if f, ok := m.known[strings.TrimSpace(password)]; ok && f.Owner == owner {
		return &f, nil
	}
	return nil, ticket.ErrNone
}

func (m *mailed) Settle(_ context.Context, u *store.User, id string) (ticket.Settled, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.settled = append(m.settled, id)
	return ticket.Settled{User: u}, nil
}

func (m *mailed) Began(context.Context, *store.User, string, string) error { return nil }

func (m *mailed) Fresh(context.Context, *store.User) (string, error) { return "", ticket.ErrNone }

func (m *mailed) Tell(_ context.Context, _ *store.User, what ticket.Telling) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.told = append(m.told, what.Kind)
	return nil
}

func (h *house) janOwner() outbox.Owner {
	h.t.Helper()
	u, err := h.dir.FindByEmail(h.t.Context(), "jan@example.test")
	if err != nil {
		h.t.Fatal(err)
	}
	return outbox.OfUser(u.Account, u.ID)
}

func TestAMailedPasswordLogsInBesideTheOldOne(t *testing.T) {
	onStores(t, func(t *testing.T, h *house) {
		owner := h.janOwner()
		h.mailed.known = map[string]ticket.Found{
			"fresh": {Owner: owner, Ticket: store.Ticket{ID: "ticket-1"}},
			"stale": {Owner: owner, Ticket: store.Ticket{ID: "ticket-0"}, Cause: cause.PasswordPendingExpired},
			"used":  {Owner: owner, Ticket: store.Ticket{ID: "ticket-2"}, Cause: cause.LinkUsed},
			// of an address that nobody has: it opens nothing, whoever types it
			"nobodys": {Owner: outbox.OfNobody("x:nobody"), Ticket: store.Ticket{ID: "ticket-3"}},
		}
		if res := h.post("192.0.2.1", urlencoded, fields("jan@example.test", right)); res.Code != 303 || len(h.mailed.settled) != 0 {
			t.Errorf("the old password: %d, settled %v", res.Code, h.mailed.settled)
		}
		cost := h.work(func() {
			res := h.post("192.0.2.1", urlencoded, fields("jan@example.test", " fresh\r\n"))
			if res.Code != 303 || res.Header().Get("Location") != "/clients" {
				t.Errorf("the mailed password: %d", res.Code)
			}
		})
		if cost.Hashes != 1 || len(h.mailed.settled) != 1 || h.mailed.settled[0] != "ticket-1" {
			t.Errorf("settled %v, cost %+v", h.mailed.settled, cost)
		}
		for _, old := range []string{"stale", "used"} {
			res := h.post("192.0.2.2", urlencoded, fields("jan@example.test", old))
			if text := res.Body.String(); res.Code != 401 || !strings.Contains(text, `data-cause="password_pending_expired"`) {
				t.Errorf("%s: %d %s", old, res.Code, text)
			}
		}
		res := h.post("192.0.2.3", urlencoded, fields("piet@example.test", "nobodys"))
		if text := res.Body.String(); res.Code != 401 || !strings.Contains(text, `data-cause="wrong_password"`) {
			t.Errorf("the ticket of nobody: %d %s", res.Code, text)
		}
	})
}

func TestARightMailedPasswordIsASuccessForTheLimits(t *testing.T) {
	onStores(t, func(t *testing.T, h *house) {
		h.mailed.known = map[string]ticket.Found{"fresh": {Owner: h.janOwner(), Ticket: store.Ticket{ID: "ticket-1"}}}
		for range 3 {
			for range 4 {
				h.post("192.0.2.9", urlencoded, fields("jan@example.test", "wrong"))
			}
			if res := h.post("192.0.2.9", urlencoded, fields("jan@example.test", "fresh")); res.Code != 303 {
				t.Fatalf("%d", res.Code)
			}
		}
	})
}

func TestEveryTryAsksForMailedPasswords(t *testing.T) {
	onStores(t, func(t *testing.T, h *house) {
		h.post("192.0.2.1", urlencoded, fields("jan@example.test", right))
		h.post("192.0.2.1", urlencoded, fields("jan@example.test", "wrong"))
		h.post("192.0.2.1", urlencoded, fields("piet@example.test", "wrong"))
		owner := h.janOwner()
		if len(h.mailed.asked) != 3 || h.mailed.asked[0] != owner || h.mailed.asked[1] != owner || h.mailed.asked[2].Name != "nobody" {
			t.Errorf("asked for %v", h.mailed.asked)
		}
		h.mailed.err = store.ErrUnavailable
		for range 7 {
			if res := h.post("192.0.2.1", urlencoded, fields("jan@example.test", right)); res.Code != 503 {
				t.Errorf("with the store away: %d", res.Code)
			}
		}
		h.mailed.err = nil
		if res := h.post("192.0.2.1", urlencoded, fields("jan@example.test", right)); res.Code != 303 {
			t.Errorf("tries that nobody looked at were counted: %d", res.Code)
		}
	})
}

func TestBlanksAroundAGeneratedPasswordDoNotCount(t *testing.T) {
	onStores(t, func(t *testing.T, h *house) {
		h.generated("mia@example.test", "Kq7Wm3tRzPdv4F")
		for _, pasted := range []string{"Kq7Wm3tRzPdv4F", " Kq7Wm3tRzPdv4F", "Kq7Wm3tRzPdv4F\r\n", "\u00a0Kq7Wm3tRzPdv4F\u200b", "\ufeffKq7Wm3tRzPdv4F\t "} {
			if res := h.post("192.0.2.1", urlencoded, fields("mia@example.test", pasted)); res.Code != 303 {
				t.Errorf("%q: %d", pasted, res.Code)
			}
		}
		var known, unknown string
		varying := regexp.MustCompile(`[A-Z0-9]{3}-[A-Z0-9]{3}|value="[^"]*@[^"]*"`)
		for _, typed := range []string{"Kq7 Wm3tRzPdv4F ", "Kq7Wm3tRzPdv4F\x00", " ", "\u200b"} {
			costKnown := h.work(func() {
				res := h.post("192.0.2.2", urlencoded, fields("mia@example.test", typed))
				known = varying.ReplaceAllString(res.Body.String(), "")
				if res.Code != 401 {
					t.Errorf("%q: %d", typed, res.Code)
				}
			})
			costUnknown := h.work(func() {
				known := h.post("192.0.2.3", urlencoded, fields("piet@example.test", typed))
				unknown = varying.ReplaceAllString(known.Body.String(), "")
			})
			if diff := cmp.Diff(costKnown, costUnknown); diff != "" || known != unknown {
				t.Errorf("%q tells who is a customer: %s %s", typed, diff, cmp.Diff(known, unknown))
			}
		}
		if !strings.Contains(h.post("192.0.2.4", urlencoded, fields("jan@example.test", right+" ")).Body.String(), "spatie") {
			t.Error("a chosen password with a blank: the page does not say so")
		}
	})
}

// generated adds somebody whose password we made.
func (h *house) generated(email, pw string) {
	h.t.Helper()
	encoded, err := h.hasher.Hash(h.t.Context(), pw)
	if err != nil {
		h.t.Fatal(err)
	}
	h.user2(email)
	h.setPassword(email, encoded)
}

func (h *house) setPassword(email, encoded string) {
	h.t.Helper()
	u, err := h.dir.FindByEmail(h.t.Context(), email)
	if err == nil {
		_, err = h.dir.UpdateUser(h.t.Context(), u.Account, u.ID, func(u *store.User) error {
			u.Password, u.PasswordChosen, u.PasswordChanged = encoded, false, time.Now()
			return nil
		})
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// quiet waits until nobody hashes any more.
func (h *house) quiet() {
	h.t.Helper()
	_, _, before := h.hasher.Stats()
	for range 400 {
		time.Sleep(25 * time.Millisecond)
		running, waiting, total := h.hasher.Stats()
		if running == 0 && waiting == 0 && total == before {
			return
		}
		before = total
	}
	h.t.Fatal("hashing goes on and on")
}

func TestAPasswordThatWasRightOnceIsFoundOutLater(t *testing.T) {
	onStores(t, func(t *testing.T, h *house) {
		h.errand.Attempts = h.attempts
		h.generated("mia@example.test", "Kq7Wm3tRzPdv4F")
		encoded, err := h.hasher.Hash(t.Context(), "Another1pass")
		if err != nil {
			t.Fatal(err)
		}
		h.setPassword("mia@example.test", encoded)
		reference := regexp.MustCompile(`data-reference="([^"]+)"`)
		try := func(email, pw string) string {
			t.Helper()
			res := h.post("192.0.2.1", urlencoded, fields(email, pw))
			found := reference.FindStringSubmatch(res.Body.String())
			if res.Code != http.StatusUnauthorized || found == nil {
				t.Fatalf("%s: %d", pw, res.Code)
			}
			return found[1]
		}
		never := try("jan@example.test", "Kq7Wm3tRzPdv4F")
		once := try("mia@example.test", " Kq7Wm3tRzPdv4F\n")
		for i := 0; ; i++ {
			a, err := h.attempts.Find(t.Context(), once)
			if err != nil {
				t.Fatal(err)
			}
			if !a.Former.IsZero() {
				break
			}
			if i > 400 {
				t.Fatal("it never came out")
			}
			time.Sleep(25 * time.Millisecond)
		}
		h.quiet()
		if a, err := h.attempts.Find(t.Context(), never); err != nil || !a.Former.IsZero() {
			t.Errorf("of somebody else's password: %+v, %v", a, err)
		}
	})
}

// A flood of guesses does not become a flood of comparisons.
func TestLookingBackIsBounded(t *testing.T) {
	onStores(t, func(t *testing.T, h *house) {
		h.errand.Attempts = h.attempts
		cost := h.work(func() {
			for i := range 20 {
				h.post("203.0.113.9", urlencoded, fields("jan@example.test", "wrong"))
				h.post("203.0.113.8", urlencoded, fields("nobody"+string(rune('a'+i%26))+"@example.test", "wrong"))
			}
			h.quiet()
		})
		if most := uint64(20*2 + 25*3); cost.Hashes > most {
			t.Errorf("%d hashes, at most %d were to be", cost.Hashes, most)
		}
	})
}

// Whoever watches the load of the machine learns nothing either.
func TestLookingBackIsTheSameWorkForNobody(t *testing.T) {
	onStores(t, func(t *testing.T, h *house) {
		h.errand.Attempts = h.attempts
		h.generated("mia@example.test", "Kq7Wm3tRzPdv4F")
		h.setPassword("mia@example.test", "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
		try := func(ip, email string) work {
			return h.work(func() {
				h.post(ip, urlencoded, fields(email, "wrong"))
				h.quiet()
			})
		}
		nobody := try("192.0.2.1", "piet@example.test")
		for ip, email := range map[string]string{"192.0.2.2": "jan@example.test", "192.0.2.3": "mia@example.test"} {
			if diff := cmp.Diff(nobody, try(ip, email)); diff != "" {
				t.Errorf("%s: %s", email, diff)
			}
		}
	})
}
