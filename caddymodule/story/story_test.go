package story_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/story"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

// town has two teams: acme with jan and piet, other with klaas.
type town struct {
	*testkit.Clock
	t        *testing.T
	dir      *directory.Directory
	limits   *limit.Limiter
	attempts *attempt.Recorder
	teller   *story.Teller
	counted  *testkit.Counted
}

var (
	everybody = story.Viewer{}
	acme      = story.Viewer{Account: "acme"}
	other     = story.Viewer{Account: "other"}
)

func newTown(t *testing.T, c *testkit.Clock, s store.Engine) *town {
	t.Helper()
	reads := &testkit.Counted{Engine: s}
	w := &town{Clock: c, t: t, counted: reads}
	w.dir = directory.New(reads, directory.Options{Now: c.Now})
	w.limits = limit.New(s, limit.Config{}, c.Now)
	w.attempts = attempt.New(reads, attempt.Options{Now: c.Now})
	t.Cleanup(func() { _ = w.attempts.Close() })
	w.teller = story.New(story.Options{Directory: w.dir, Limits: w.limits, Attempts: w.attempts, Now: c.Now})
	for id, users := range map[string][]string{"acme": {"jan.jansen", "piet.pietersen"}, "other": {"klaas.klaassen"}} {
		must(t, w.dir.CreateAccount(t.Context(), &store.Account{ID: id, Name: id, State: directory.Active}))
		for _, user := range users {
			name, _, _ := strings.Cut(user, ".")
			must(t, w.dir.CreateUser(t.Context(), &store.User{
				ID: name, Account: id, Email: user + "@praktijk.nl", Name: name, Type: "teammate", Password: "hash",
			}))
		}
	}
	return w
}

func (w *town) record(e attempt.Entry) string {
	w.t.Helper()
	e.Method = "password"
	if e.Network == "" {
		e.Network = "192.0.2.7/32"
	}
	if e.Cause == cause.None {
		e.Cause = cause.WrongPassword
		if e.User == "" {
			e.Cause = cause.UnknownEmail
		}
	}
	ref, err := w.attempts.Record(context.Background(), e)
	must(w.t, err)
	return ref
}

func (w *town) tell(v story.Viewer, who string) *story.Story {
	w.t.Helper()
	s, err := w.teller.Tell(w.t.Context(), v, who)
	must(w.t, err)
	return s
}

// unknown fails unless the viewer is answered as for what does not exist.
func (w *town) unknown(v story.Viewer, who string) {
	w.t.Helper()
	s, err := w.teller.Tell(w.t.Context(), v, who)
	if !errors.Is(err, store.ErrNotFound) || s != nil {
		w.t.Errorf("%s is told about %s: %+v, %v", v.Account, who, s, err)
	}
}

func TestATeamIsToldOfItsOwn(t *testing.T) {
	onEngines(t, func(t *testing.T, c *testkit.Clock, s store.Engine) {
		w := newTown(t, c, s)
		ref := w.record(attempt.Entry{Typed: "jan.jansen@praktijk.nl", User: "jan", Account: "acme"})
		for _, who := range []string{ref, "Jan.Jansen@Praktijk.nl", "jan"} {
			told := w.tell(acme, who)
			if told.User == nil || told.User.ID != "jan" || len(told.Attempts) != 1 || told.Fixes[0].Code != story.NewPassword {
				t.Errorf("%s: %+v", who, told)
			}
		}
		told, err := w.teller.OfUser(t.Context(), acme, "acme", "jan")
		if err != nil || told.User.ID != "jan" {
			t.Errorf("%+v, %v", told, err)
		}
	})
}

func TestATeamIsToldNothingOfAnother(t *testing.T) {
	onEngines(t, func(t *testing.T, c *testkit.Clock, s store.Engine) {
		w := newTown(t, c, s)
		w.unknown(other, w.record(attempt.Entry{Typed: "jan.jansen@praktijk.nl", User: "jan", Account: "acme"}))
		w.unknown(other, "jan")
		for _, account := range []string{"acme", "other", "nowhere", ""} {
			if told, err := w.teller.OfUser(t.Context(), other, account, "jan"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("in %q: %+v, %v", account, told, err)
			}
		}
		// An address of another team is told of exactly like one that nobody has.
		theirs, nobodys := w.tell(other, "jan.jansen@praktijk.nl"), w.tell(other, "jan.janssen.x@praktijk.nl")
		theirs.Asked, nobodys.Asked = "", ""
		theirs.Fixes[0].Address, nobodys.Fixes[0].Address = "", ""
		a, err := json.Marshal(theirs)
		must(t, err)
		b, err := json.Marshal(nobodys)
		must(t, err)
		if diff := cmp.Diff(string(a), string(b)); diff != "" {
			t.Errorf("they differ:\n%s", diff)
		}
	})
}

// An attempt of nobody is there for a team only by its reference, and only when
// it looks like one of its own.
func TestAnAttemptOfNobody(t *testing.T) {
	onEngines(t, func(t *testing.T, c *testkit.Clock, s store.Engine) {
		w := newTown(t, c, s)
		_, err := w.dir.ChangeUser(t.Context(), "acme", "piet", "p.pietersen@praktijk.nl", func(*store.User) error { return nil })
		must(t, err)
		for name, test := range map[string]struct {
			entry attempt.Entry
			seen  bool
		}{
			"two slips":           {attempt.Entry{Typed: "jan.janssenn@praktijk.nl"}, true},
			"other ending":        {attempt.Entry{Typed: "jan.jansen@praktijk.com"}, true},
			"former address":      {attempt.Entry{Typed: "piet.pietersen@praktijk.nl"}, true},
			"device":              {attempt.Entry{Typed: "someone@else.example", DeviceUsers: []string{"klaas", "jan"}}, true},
			"device, no address":  {attempt.Entry{Cause: cause.BadRequest, DeviceUsers: []string{"jan"}}, true},
			"device of others":    {attempt.Entry{Typed: "some.one@else.example", DeviceUsers: []string{"klaas"}}, false},
			"far":                 {attempt.Entry{Typed: "willem@elders.example"}, false},
			"nothing":             {attempt.Entry{Cause: cause.BadRequest, Network: "192.0.2.8/32"}, false},
			"close to the others": {attempt.Entry{Typed: "klaas.klaasen@praktijk.nl"}, false},
		} {
			ref := w.record(test.entry)
			if !test.seen {
				w.unknown(acme, ref)
				continue
			}
			told := w.tell(acme, ref)
			if told.Attempt == nil || told.Attempt.Reference != ref || told.Attempt.DeviceUsers != nil {
				t.Errorf("%s: %+v", name, told.Attempt)
			}
			if told.User != nil || len(told.Attempts) != 0 {
				t.Errorf("%s: more than the attempt: %+v", name, told)
			}
			if full := w.tell(everybody, ref); full.Attempt == nil || len(full.Attempt.DeviceUsers) != len(test.entry.DeviceUsers) {
				t.Errorf("%s: support sees %+v", name, full.Attempt)
			}
		}
		// By the address they get none.
		if told := w.tell(acme, "jan.janssenn@praktijk.nl"); len(told.Attempts) != 0 || told.Attempt != nil || told.Suggestions[0] != "jan.jansen@praktijk.nl" {
			t.Errorf("by the address: %+v", told)
		}
		if told := w.tell(everybody, "jan.janssenn@praktijk.nl"); len(told.Attempts) != 1 {
			t.Errorf("support by the address: %+v", told)
		}
		if told := w.tell(other, "piet.pietersen@praktijk.nl"); told.FormerOwner != nil {
			t.Errorf("another team learns who had an address: %+v", told.FormerOwner)
		}
		if told := w.tell(acme, "piet.pietersen@praktijk.nl"); told.FormerOwner == nil || told.FormerOwner.Email != "p.pietersen@praktijk.nl" {
			t.Errorf("the team itself: %+v", told)
		}
	})
}

// A former address that belongs to somebody else by now is theirs, whoever had it.
func TestAFormerAddressThatIsTaken(t *testing.T) {
	onEngines(t, func(t *testing.T, c *testkit.Clock, s store.Engine) {
		w := newTown(t, c, s)
		change := func(account, id, address string) {
			t.Helper()
			_, err := w.dir.ChangeUser(t.Context(), account, id, address, func(*store.User) error { return nil })
			must(t, err)
		}
		change("acme", "piet", "p.p@elders.example")
		change("other", "klaas", "piet.pietersen@praktijk.nl")
		w.unknown(acme, w.record(attempt.Entry{Typed: "piet.pietersen@praktijk.nl", User: "klaas", Account: "other"}))
		if told := w.tell(acme, "piet.pietersen@praktijk.nl"); told.User != nil || len(told.Attempts) != 0 {
			t.Errorf("%+v", told)
		}
	})
}

// For a team it takes as many looks into the store to answer about another team's
// attempt, user or address as about none.
func TestTheTimeTellsATeamNothing(t *testing.T) {
	onEngines(t, func(t *testing.T, c *testkit.Clock, s store.Engine) {
		w := newTown(t, c, s)
		reads := func(who string) int64 {
			before := w.counted.Reads.Load() + w.counted.Scans.Load()
			_, _ = w.teller.Tell(t.Context(), other, who)
			return w.counted.Reads.Load() + w.counted.Scans.Load() - before
		}
		none := reads("KKK-KKK")
		for name, e := range map[string]attempt.Entry{
			"user":    {Typed: "jan.jansen@praktijk.nl", User: "jan", Account: "acme"},
			"typed":   {Typed: "willem@elders.example"},
			"devices": {Typed: "wil@elders.example", DeviceUsers: []string{"jan", "piet"}},
			"empty":   {Cause: cause.BadRequest},
			"slip":    {Typed: "jan.janssenn@praktijk.nl"},
		} {
			if got := reads(w.record(e)); got != none {
				t.Errorf("%s: %d reads, an unknown reference takes %d", name, got, none)
			}
		}
		if a, b := reads("jan.jansen@praktijk.nl"), reads("willem@elders.example"); a != b {
			t.Errorf("the address of another team takes %d reads, one of nobody %d", a, b)
		}
		if a, b := reads("jan"), reads("nobodyatall"); a != b {
			t.Errorf("an id of another team takes %d reads, one of nobody %d", a, b)
		}
	})
}

func TestWhatOthersDidFromANetworkStaysTheirs(t *testing.T) {
	onEngines(t, func(t *testing.T, c *testkit.Clock, s store.Engine) {
		w := newTown(t, c, s)
		fail := func(n int) {
			for i := range n {
				p, err := w.limits.Reserve(t.Context(), limit.Try{Subject: fmt.Sprint("x:", i), Network: "192.0.2.7/32"})
				must(t, err)
				_, err = p.Failed(t.Context())
				must(t, err)
			}
		}
		w.record(attempt.Entry{Typed: "jan.jansen@praktijk.nl", User: "jan", Account: "acme"})
		fail(30)
		if told := w.tell(acme, "jan"); len(told.Budgets) != 0 {
			t.Errorf("a team is told what others did: %+v", told.Budgets)
		}
		if told := w.tell(everybody, "jan"); len(told.Budgets) != 1 || told.Budgets[0].Failures != 30 {
			t.Errorf("support: %+v", told.Budgets)
		}
		fail(70)
		told := w.tell(acme, "jan")
		if len(told.Budgets) != 1 || !told.Budgets[0].Waits() || told.Budgets[0].Failures != 0 || !told.Budgets[0].Last.IsZero() || !told.Now.HasToWait {
			t.Errorf("that they have to wait there: %+v", told)
		}
	})
}

func TestStoresThatDoNotAnswerAreNoStory(t *testing.T) {
	onEngines(t, func(t *testing.T, c *testkit.Clock, s store.Engine) {
		w := newTown(t, c, s)
		ref := w.record(attempt.Entry{Typed: "jan.jansen@praktijk.nl", User: "jan", Account: "acme"})
		w.counted.Away.Store(true)
		for _, v := range []story.Viewer{everybody, acme, other} {
			for _, who := range []string{ref, "KKK-KKK", "jan", "jan.jansen@praktijk.nl"} {
				if told, err := w.teller.Tell(t.Context(), v, who); err == nil || errors.Is(err, store.ErrNotFound) {
					t.Errorf("%+v about %s: %+v, %v", v, who, told, err)
				}
			}
		}
	})
}

func TestSlips(t *testing.T) {
	onEngines(t, func(t *testing.T, c *testkit.Clock, s store.Engine) {
		w := newTown(t, c, s)
		for typed, close := range map[string]bool{
			"jan.jansen@praktjik.nl":   true, // swapped
			"jan.jnsen@praktijk.nl":    true, // missed
			"jan.jansenn@prakttijk.nl": true, // two added
			"an.jansen@praktijk.nl":    true,
			"jan.jansen@praktijk.nlx":  true,
			"jax.jaxxen@praktijk.nl":   false, // three
			"jan@praktijk.nl":          false,
			"jan.jansen@elders.nl":     false,
			"piet.jansen@praktijk.nl":  false,
		} {
			told := w.tell(acme, typed)
			if got := len(told.Suggestions) > 0; got != close {
				t.Errorf("%s: close is %v, want %v (%v)", typed, got, close, told.Suggestions)
			}
		}
		c.Push(time.Minute)
	})
}
