package operate_test

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/operate"
	"github.com/cliendo/gateway/caddymodule/store"
)

// janID puts a user with a fixed id into the store, so that stories read alike.
func (h *house) janID() {
	h.t.Helper()
	h.ok("accounts", "add", "acme", "--name", "Acme BV")
	must(h.t, h.dir.CreateUser(h.t.Context(), &store.User{
		ID: "jan", Account: "acme", Email: "jan@demo.test", Name: "Jan Jansen", Type: "admin", Password: "hash",
		PasswordChanged: base.Add(-100 * time.Hour),
	}))
}

var wrong = attempt.Entry{
	Cause: cause.WrongPassword, Method: "password", Typed: "jan@demo.test", User: "jan", Account: "acme",
	Network: "192.0.2.7/32", Agent: "Firefox on Windows", Locale: "nl",
}

func TestWhyAllIsWell(t *testing.T) {
	onEngines(t, func(h *house) {
		h.janID()
		h.golden("why_well", "why", "jan@demo.test")
	})
}

func TestWhySomebodyHasToWait(t *testing.T) {
	onEngines(t, func(h *house) {
		h.janID()
		for range 6 {
			h.fail("u:jan", "192.0.2.7/32")
			h.record(wrong)
			h.push(31 * time.Second)
		}
		h.push(-5 * time.Second)
		late := wrong
		late.Cause, late.RetryAt = cause.TooManyAttempts, h.now().Add(34*time.Second)
		h.record(late)
		h.golden("why_wait", "why", " Jan@Demo.test ")
		h.golden("attempts_list", "attempts", "list", "jan@demo.test")
		h.ok("attempts", "clear", "jan@demo.test")
		data, _ := h.ok("why", "jan@demo.test")
		h.want(data, "now.has_to_wait", nil)
		h.want(data, "budgets.0.budget", "network")           // that of everybody there stays
		h.want(data, "attempts.0.cause", "too_many_attempts") // the story stays
	})
}

func TestWhyByReference(t *testing.T) {
	onEngines(t, func(h *house) {
		h.janID()
		ref := h.record(wrong)
		h.ok("users", "block", "jan@demo.test", "--reason", "left", "--until", "2026-10-22")
		h.golden("why_reference", "why", ref)
		for _, typed := range []string{strings.ToLower(ref), strings.ReplaceAll(ref, "-", ""), " " + ref + " "} {
			data, _ := h.ok("why", typed)
			h.want(data, "attempt.reference", ref)
		}
		h.refused(operate.ExitNotFound, "no attempt with reference", "why", "KKK-KKK")
	})
}

func TestWhyNobodyHasTheAddress(t *testing.T) {
	onEngines(t, func(h *house) {
		h.ok("accounts", "add", "acme")
		for _, email := range []string{"jan@gmail.com", "piet@praktijk.nl"} {
			h.ok("users", "add", email, "--account", "acme", "--name", "X", "--type", "client")
		}
		e := wrong
		e.Cause, e.Typed, e.User, e.Account = cause.UnknownEmail, "jan@gmial.com", "", ""
		ref := h.record(e)
		h.golden("why_nobody", "why", "jan@gmial.com")
		for _, line := range [][]string{{"why", "jan@gmial.com"}, {"why", "piet@praktijk.com"}, {"why", "klaas@praktijk.nl"}} {
			res, err := h.do(line...)
			if err != nil || res.Exit != operate.ExitNotFound {
				t.Errorf("%v: exit %d, %v", line, res.Exit, err)
			}
		}
		data, _ := h.ok("why", "piet@praktijk.com")
		h.want(data, "suggestions", []any{"piet@praktijk.nl"})
		data, _ = h.ok("why", ref)
		h.want(data, "suggestions", []any{"jan@gmail.com"})
		h.want(data, "now.cause", "unknown_email")
		// The address is somebody's by now: the attempt from before belongs to them.
		h.ok("users", "add", "jan@gmial.com", "--account", "acme", "--name", "X", "--type", "client")
		data, _ = h.ok("why", "jan@gmial.com")
		h.want(data, "now.can_log_in", true)
		h.want(data, "attempts.0.reference", ref)
		h.want(data, "fixes", []any{})
	})
}

func TestWhyAnAttemptThatBelongsToNobody(t *testing.T) {
	onEngines(t, func(h *house) {
		e := wrong
		e.Cause, e.Typed, e.User, e.Account = cause.CrossSite, "", "", ""
		data, text := h.ok("why", h.record(e))
		h.want(data, "user", nil)
		h.want(data, "attempt.cause", "cross_site")
		h.want(data, "fixes.0.cause", "cross_site")
		if !strings.Contains(text, "It is not known whose attempt it was") {
			t.Error(text)
		}
	})
}

func TestWhyAUserIsGone(t *testing.T) {
	onEngines(t, func(h *house) {
		h.janID()
		ref := h.record(wrong)
		must(t, h.dir.DeleteUser(t.Context(), "acme", "jan"))
		data, _ := h.ok("why", ref)
		h.want(data, "user", nil)
		h.want(data, "now.cause", "unknown_email")
	})
}

func TestWhyTheNetworkHasToWait(t *testing.T) {
	onEngines(t, func(h *house) {
		h.janID()
		e := wrong
		e.Cause = cause.TooManyAttempts
		h.record(e)
		for i := range 100 {
			h.fail("x:stranger"+string(rune('a'+i%26))+string(rune('a'+i/26)), "192.0.2.7/32")
		}
		data, text := h.ok("why", "jan@demo.test")
		h.want(data, "budgets.0.budget", "network")
		h.want(data, "fixes.0.command", "cliendo gateway attempts clear --network 192.0.2.7/32")
		if !strings.Contains(text, "everybody from network 192.0.2.7/32") {
			t.Error(text)
		}
		h.ok("attempts", "clear", "--network", "192.0.2.7")
		data, _ = h.ok("why", "jan@demo.test")
		h.want(data, "budgets", []any{})
	})
}

func TestWhyRefused(t *testing.T) {
	onEngines(t, func(h *house) {
		h.refused(operate.ExitUsage, "E-MAIL|REFERENCE is missing", "why")
		h.refused(operate.ExitUsage, "one word too many", "why", "a@b.cd", "c@d.ef")
		h.refused(operate.ExitUsage, "", "why", "a b@c.de")
		h.refused(operate.ExitNotFound, "no e-mail address, reference or user id", "why", "somebody")
		h.refused(operate.ExitNotFound, "no e-mail address, reference or user id", "why", strings.Repeat("x", 2000))
	})
}

// Whatever stands in the way, the story names it by the same code the gateway
// gives, and says what to do.
func TestWhyKnowsAWayOutOfEveryCause(t *testing.T) {
	h := onBolt(t)
	h.janID()
	set := func(fn func(*store.User, *store.Account)) {
		t.Helper()
		_, err := h.dir.UpdateAccount(t.Context(), "acme", func(a *store.Account) error { fn(&store.User{}, a); return nil })
		must(t, err)
		_, err = h.dir.UpdateUser(t.Context(), "acme", "jan", func(u *store.User) error { fn(u, &store.Account{}); return nil })
		must(t, err)
	}
	states := map[cause.Cause]func(u *store.User, a *store.Account){
		cause.AccountTrialEnded: func(_ *store.User, a *store.Account) { a.State, a.TrialUntil = "trial", "2026-01-01" },
		cause.AccountArrears:    func(_ *store.User, a *store.Account) { a.State, a.UnpaidInvoices = "arrears", 2 },
		cause.AccountCancelled:  func(_ *store.User, a *store.Account) { a.State = "cancelled" },
		cause.AccountSuspended:  func(_ *store.User, a *store.Account) { a.State = "suspended" },
		cause.UserBlocked:       func(u *store.User, _ *store.Account) { u.Block = &store.Block{By: "x"} },
	}
	for _, c := range cause.All() {
		question := "jan@demo.test"
		if state := states[c]; state != nil {
			set(state)
		} else if c == cause.TypeDenied {
			h.write("jan", func(u *store.User) { u.Type = "wizard" })
		} else {
			h.push(time.Hour)
			e := wrong
			if e.Cause = c; c == cause.UnknownEmail {
				e.Typed, e.User = "nobody@demo.test", ""
			}
			question = h.record(e)
		}
		data, text := h.ok("why", question)
		found := ""
		for _, f := range at(data, "fixes").([]any) {
			if at(f, "cause") == string(c) {
				found = at(f, "sentence").(string)
			}
		}
		if found == "" || !strings.Contains(text, found) || !strings.Contains(text, string(c)) || strings.Contains(text, "No way out") {
			t.Errorf("%s: no way out in\n%s", c, text)
		}
		h.write("jan", func(u *store.User) { u.Type, u.Block = "admin", nil })
		set(func(_ *store.User, a *store.Account) { a.State = "active" })
	}
}

// write puts a user into the store as no command would.
func (h *house) write(id string, change func(*store.User)) {
	h.t.Helper()
	u, err := h.dir.FindByID(h.t.Context(), id)
	must(h.t, err)
	change(u)
	must(h.t, h.engine.Update(h.t.Context(), store.AccountTag(u.Account), func(tx store.Tx) error {
		tx.Announce(store.Users.Kind, u.ID)
		return store.Users.Put(tx, u.ID, u, time.Time{})
	}))
}

// The lines that people copy must mean to a shell what they say, whatever the
// address holds; and doing what a story says must help.
func TestCommandsOfAStoryWork(t *testing.T) {
	h := onBolt(t)
	h.ok("accounts", "add", "acme")
	email := "o'brien$(id)`id`{a}*?!&|~#@demo.test"
	email = strings.NewReplacer("(", "", ")", "").Replace(email) // no address has these
	h.ok("users", "add", email, "--account", "acme", "--name", "X", "--type", "client")
	h.ok("users", "block", email, "--reason", "x")
	data, _ := h.ok("why", email)
	command := at(data, "fixes.0.command").(string)
	out, err := exec.Command("sh", "-c", "printf '%s\\n' "+command).Output()
	must(t, err)
	words := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(words) != 5 || words[4] != email {
		t.Fatalf("%s is for a shell %q", command, words)
	}
	h.ok(words[2:]...)
	data, _ = h.ok("why", email)
	h.want(data, "now.can_log_in", true)
}

// A story never has anything that moves the cursor or hides what it says.
func TestHostileRecordsAreShownHarmless(t *testing.T) {
	onEngines(t, func(h *house) {
		h.janID()
		evil := "\x1b[2J\u202e\r\n<script>" + strings.Repeat("x", 2000)
		h.write("jan", func(u *store.User) {
			u.Name, u.Type, u.Display, u.Locale = evil, evil, evil, evil
			u.Block = &store.Block{By: evil, Why: evil}
		})
		e := wrong
		e.Agent, e.Method = "\x1b]0;owned\a\u202e", "\r\nx"
		ref := h.record(e)
		for _, line := range [][]string{
			{"users", "show", "jan"},
			{"users", "list"},
			{"why", "jan@demo.test"},
			{"why", ref},
			{"attempts", "list", "jan"},
			{"users", "unblock", "jan"},
		} {
			_, text := h.ok(line...)
			if i := strings.IndexAny(text, "\x1b\r\a\u202e\x00"); i >= 0 {
				t.Errorf("%v: %q", line, text[max(0, i-20):i+20])
			}
		}
	})
}
