package event_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cliendo/gateway/caddymodule/event"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// dying is a store whose process can die before an Update.
type dying struct {
	store.Engine
	dead atomic.Bool
}

var errDied = errors.New("the process died")

func (d *dying) Update(ctx context.Context, tag string, fn func(store.Tx) error) error {
	if d.dead.Load() {
		return errDied
	}
	return d.Engine.Update(ctx, tag, fn)
}

type house struct {
	*event.Feed
	*testkit.Clock
	store  *dying
	second *event.Feed
}

func onEngines(t *testing.T, test func(t *testing.T, h *house)) {
	testkit.OnNodes(t, testkit.Monday, func(t *testing.T, c *testkit.Clock, nodes ...store.Engine) {
		h := &house{Clock: c, store: &dying{Engine: nodes[0]}}
		h.Feed = event.New(h.store, event.Options{Now: c.Now})
		h.second = event.New(nodes[len(nodes)-1], event.Options{Now: c.Now})
		test(t, h)
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// change is one change of a user that comes about.
func (h *house) change(t *testing.T, f *event.Feed, account, user string) {
	t.Helper()
	c := event.Change{Kind: event.Changed, Account: account, User: user}
	must(t, f.During(t.Context(), []event.Change{c}, func(ctx context.Context) error {
		return event.Note(ctx, c, "user.name_changed")
	}))
}

// rest reads all that comes after a cursor, by pages of n.
func (h *house) rest(t *testing.T, cursor, account string, n int) (lines []string, next string) {
	t.Helper()
	for {
		events, next, err := h.second.After(t.Context(), cursor, account, n)
		must(t, err)
		if len(events) > n {
			t.Fatalf("a page of %d", len(events))
		}
		for _, e := range events {
			lines = append(lines, fmt.Sprintf("%s %s/%s %s", e.Kind, e.Account, e.User, e.Action))
		}
		if next == cursor {
			return lines, next
		}
		cursor = next
	}
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestFollowing(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		if lines, next := h.rest(t, "", "", 10); lines != nil || next != "" {
			t.Errorf("in the beginning: %q, cursor %q", lines, next)
		}
		for i := range 7 {
			h.change(t, []*event.Feed{h.Feed, h.second}[i%2], fmt.Sprintf("a%d", i%2), fmt.Sprintf("u%d", i))
		}
		all, next := h.rest(t, "", "", 3)
		if len(all) != 7 || all[6] != "changed a0/u6 user.name_changed" {
			t.Errorf("%q", all)
		}
		one, _ := h.rest(t, "", "a1", 2)
		same(t, one, "changed a1/u1 user.name_changed", "changed a1/u3 user.name_changed", "changed a1/u5 user.name_changed")
		h.change(t, h.Feed, "a0", "u9")
		since, _ := h.rest(t, next, "", 3)
		same(t, since, "changed a0/u9 user.name_changed")
		end, err := h.End(t.Context())
		must(t, err)
		none, _ := h.rest(t, end, "", 3)
		same(t, none)
		events, _, err := h.After(t.Context(), "", "", 1)
		must(t, err)
		if after, _ := h.rest(t, events[0].Cursor, "", 10); len(after) != 7 {
			t.Errorf("after the first: %q", after)
		}
	})
}

func TestCursorsThatLeadNowhere(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		for _, bad := range []string{"x", ".1", "life.", "life.?", "life.-1"} {
			if _, _, err := h.After(t.Context(), bad, "", 1); !errors.Is(err, event.ErrCursor) {
				t.Errorf("%q: %v", bad, err)
			}
		}
		lapsed := func(cursor string) {
			t.Helper()
			if _, next, err := h.After(t.Context(), cursor, "", 1); !errors.Is(err, event.ErrLapsed) || next != cursor {
				t.Errorf("%q: %q, %v", cursor, next, err)
			}
		}
		lapsed("life.1")
		h.change(t, h.Feed, "a", "u1")
		first, err := h.End(t.Context())
		must(t, err)
		lapsed("otherlife.1")
		lapsed(first + "0") // further than it ever came: the store was put back
		h.Push(20 * 24 * time.Hour)
		h.change(t, h.Feed, "a", "u2")
		h.change(t, h.Feed, "a", "u3")
		h.Push(11 * 24 * time.Hour)
		got, _ := h.rest(t, first, "", 10) // what came before it is gone, what comes after is not
		same(t, got, "changed a/u2 user.name_changed", "changed a/u3 user.name_changed")
		got, _ = h.rest(t, "", "", 10)
		same(t, got, "changed a/u2 user.name_changed", "changed a/u3 user.name_changed")
		h.Push(20 * 24 * time.Hour)
		lapsed(first)
		got, last := h.rest(t, "", "", 10)
		same(t, got)
		got, _ = h.rest(t, last, "", 10)
		same(t, got)
		h.change(t, h.Feed, "a", "u4")
		got, _ = h.rest(t, last, "", 10)
		same(t, got, "changed a/u4 user.name_changed")
	})
}

// Wherever the process dies, who follows hears of what may have changed, and is
// told nothing that did not.
func TestDying(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		c := event.Change{Kind: event.Changed, Account: "a", User: "u1"}
		err := h.During(t.Context(), []event.Change{c}, func(ctx context.Context) error {
			if got, _ := h.rest(t, "", "", 10); len(got) != 0 {
				t.Errorf("told before it happened: %q", got)
			}
			h.change(t, h.second, "a", "u2") // comes later, and waits for the one before
			if got, _ := h.rest(t, "", "", 10); len(got) != 0 {
				t.Errorf("told out of order: %q", got)
			}
			h.store.dead.Store(true)
			return event.Note(ctx, c, "user.name_changed")
		})
		must(t, err)
		h.Push(59 * time.Second)
		got, _ := h.rest(t, "", "", 10)
		same(t, got)
		h.Push(time.Second)
		got, _ = h.rest(t, "", "", 10)
		same(t, got, "changed a/u1 ", "changed a/u2 user.name_changed")
		// It dies before anything: nothing was announced, and nothing is done.
		err = h.During(t.Context(), []event.Change{c}, func(context.Context) error {
			t.Error("done without an announcement")
			return nil
		})
		if !errors.Is(err, errDied) {
			t.Error(err)
		}
	})
}

func TestWhatDidNotHappenIsNotTold(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		c := event.Change{Kind: event.Changed, Account: "a", User: "u1"}
		refused := errors.New("refused")
		for _, answer := range []error{refused, nil} {
			if err := h.During(t.Context(), []event.Change{c}, func(context.Context) error { return answer }); !errors.Is(err, answer) {
				t.Error(err)
			}
		}
		got, next := h.rest(t, "", "", 10)
		same(t, got)
		// What had come as far as being written may have been.
		err := h.During(t.Context(), []event.Change{c}, func(ctx context.Context) error {
			return errors.Join(event.Note(ctx, c, "user.name_changed"), store.ErrUnavailable)
		})
		if !errors.Is(err, store.ErrUnavailable) {
			t.Error(err)
		}
		got, _ = h.rest(t, next, "", 10)
		same(t, got, "changed a/u1 ")
	})
}

func TestManyInOneStep(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		var many []event.Change
		for i := range 300 {
			many = append(many, event.Change{Kind: event.Created, Account: "a", User: fmt.Sprintf("u%03d", i)})
		}
		must(t, h.During(t.Context(), many, func(ctx context.Context) error {
			for _, c := range many[:200] {
				// Within, one by one, as the directory does it.
				err := h.During(ctx, []event.Change{c}, func(ctx context.Context) error { return event.Note(ctx, c, "user.created") })
				if err != nil {
					return err
				}
			}
			h.change(t, h.Feed, "a", "u000")
			return h.During(ctx, []event.Change{{Kind: event.Changed, Account: "b"}}, func(ctx context.Context) error {
				return event.Note(ctx, event.Change{Kind: event.State, Account: "b"}, "account.state_changed")
			})
		}))
		got, _ := h.rest(t, "", "", 1000)
		if len(got) != 202 || got[0] != "created a/u000 user.created" || got[200] != "changed a/u000 user.name_changed" ||
			got[201] != "state b/ account.state_changed" {
			t.Errorf("%d: %q ... %q", len(got), got[0], got[len(got)-2:])
		}
	})
}

func TestUnannounced(t *testing.T) {
	err := event.Note(t.Context(), event.Change{Kind: event.Changed, Account: "a", User: "u"}, "user.blocked")
	if !errors.Is(err, event.ErrUnannounced) {
		t.Error(err)
	}
}

// Nobody who follows while many write misses one, or hears of one twice.
func TestManyWriteAndOneFollows(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		const each = 20
		var all sync.WaitGroup
		for w := range 6 {
			all.Go(func() {
				for i := range each {
					h.change(t, []*event.Feed{h.Feed, h.second}[w%2], "a", fmt.Sprintf("w%d-%d", w, i))
				}
			})
		}
		seen, cursor := map[string]int{}, ""
		for count := 0; count < 6*each; {
			events, next, err := h.second.After(t.Context(), cursor, "", 7)
			must(t, err)
			for _, e := range events {
				seen[e.User]++
				count++
			}
			cursor = next
		}
		all.Wait()
		if got, _ := h.rest(t, cursor, "", 100); len(seen) != 6*each || len(got) != 0 {
			t.Errorf("%d seen, then %q", len(seen), got)
		}
	})
}
