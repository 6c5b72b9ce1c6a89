package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cliendo/gateway/caddymodule/store"
)

var propertyChecks = []check{{"it behaves like a map with a clock", testModel}}

// model is what the store should hold: records by tag, kind and id.
type model struct {
	s       *subject
	round   int
	records map[store.Key]modelRecord
}

type modelRecord struct {
	value   string
	expires time.Time
}

func (m *model) live(k store.Key) (modelRecord, bool) {
	r, ok := m.records[k]
	return r, ok && (r.expires.IsZero() || m.s.clock.Now().Before(r.expires))
}

func testModel(t *testing.T, s *subject) {
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		// Every round has tags of its own: a new store each time would take too long.
		round++
		m := &model{s: s, round: round, records: map[store.Key]modelRecord{}}
		rt.Repeat(map[string]func(*rapid.T){
			"get": m.get, "scan": m.scan, "update": m.update, "": m.check,
			"time passes": func(rt *rapid.T) {
				s.clock.Push(time.Duration(rapid.IntRange(0, 90_000).Draw(rt, "ms")) * time.Millisecond)
			},
		})
		if round%10 == 0 {
			s.Engine = s.Reopen(t, s.Engine)
			m.check(rt)
		}
	})
}

var (
	drawKind = rapid.SampledFrom([]store.Kind{plain, listed, {Name: "other", Listed: true}})
	drawID   = rapid.StringMatching(`[ab}:\x00-\x02]{1,3}`).Filter(func(s string) bool { return !strings.Contains(s, "\x00") })
)

func (m *model) tag(rt *rapid.T) string {
	return strconv.Itoa(m.round) + rapid.SampledFrom([]string{"x", "y", "}", "x:"}).Draw(rt, "tag")
}

func (m *model) get(rt *rapid.T) {
	m.compare(rt, store.Key{Tag: m.tag(rt), Kind: drawKind.Draw(rt, "kind"), ID: drawID.Draw(rt, "id")})
}

func (m *model) compare(rt *rapid.T, k store.Key) {
	want, ok := m.live(k)
	got, err := m.s.Engine.Get(ctx(rt), k)
	if !ok && !errors.Is(err, store.ErrNotFound) || ok && (err != nil || string(got) != want.value) {
		rt.Fatalf("%+v is %q, %v; want %q, %t", k, got, err, want.value, ok)
	}
}

// check compares everything that was ever written.
func (m *model) check(rt *rapid.T) {
	for k := range m.records {
		m.compare(rt, k)
	}
}

func (m *model) scan(rt *rapid.T) {
	tag, kind := m.tag(rt), listed
	bound := rapid.OneOf(rapid.Just(""), drawID)
	prefix, after := bound.Draw(rt, "prefix"), bound.Draw(rt, "after")
	limit := rapid.IntRange(0, 5).Draw(rt, "limit")
	want := []store.Entry{}
	for k := range m.records {
		r, ok := m.live(k)
		if ok && k.Tag == tag && k.Kind == kind && strings.HasPrefix(k.ID, prefix) && k.ID > after {
			want = append(want, store.Entry{ID: k.ID, Value: []byte(r.value), Expires: r.expires})
		}
	}
	slices.SortFunc(want, func(a, b store.Entry) int { return strings.Compare(a.ID, b.ID) })
	want = want[:min(limit, len(want))]
	got, err := m.s.Engine.Scan(ctx(rt), tag, kind, prefix, after, limit)
	if err != nil {
		rt.Fatal(err)
	}
	if diff := cmp.Diff(want, append([]store.Entry{}, got...)); diff != "" {
		rt.Fatalf("prefix %q after %q limit %d: %s", prefix, after, limit, diff)
	}
}

// step is one thing an Update does.
type step struct {
	key     store.Key
	read    bool
	delete  bool
	value   string
	expires time.Time
}

func (m *model) update(rt *rapid.T) {
	tag := m.tag(rt)
	steps := make([]step, rapid.IntRange(1, 6).Draw(rt, "steps"))
	for i := range steps {
		steps[i] = m.drawStep(rt, tag)
	}
	fails := rapid.IntRange(0, 4).Draw(rt, "fails") == 0
	after := make(map[store.Key]modelRecord, len(m.records))
	err := m.s.Engine.Update(ctx(rt), tag, func(tx store.Tx) error {
		clear(after) // this run may not be the first
		for k, r := range m.records {
			after[k] = r
		}
		trial := &model{s: m.s, records: after}
		for _, st := range steps {
			if err := trial.apply(tx, st); err != nil {
				return err
			}
		}
		if fails {
			return errTaken
		}
		return nil
	})
	switch {
	case fails && errors.Is(err, errTaken):
	case err != nil:
		rt.Fatal(err)
	default:
		m.records = after
	}
}

func (m *model) drawStep(rt *rapid.T, tag string) step {
	st := step{
		key:    store.Key{Tag: tag, Kind: drawKind.Draw(rt, "kind"), ID: drawID.Draw(rt, "id")},
		read:   rapid.Bool().Draw(rt, "read"),
		delete: rapid.IntRange(0, 3).Draw(rt, "delete") == 0,
		value:  rapid.StringN(0, 20, 40).Draw(rt, "value"),
	}
	if ms := rapid.IntRange(-1, 100_000).Draw(rt, "expires"); ms >= 0 {
		st.expires = m.s.clock.Now().Add(time.Duration(ms) * time.Millisecond)
	}
	return st
}

func (m *model) apply(tx store.Tx, st step) error {
	if st.read {
		want, ok := m.live(st.key)
		got, err := tx.Get(st.key.Kind, st.key.ID)
		if !ok && !errors.Is(err, store.ErrNotFound) || ok && (err != nil || string(got) != want.value) {
			return fmt.Errorf("read %q, %w; want %q, %t", got, err, want.value, ok)
		}
	}
	if st.delete {
		delete(m.records, st.key)
		return tx.Delete(st.key.Kind, st.key.ID)
	}
	m.records[st.key] = modelRecord{st.value, st.expires}
	return tx.Put(st.key.Kind, st.key.ID, []byte(st.value), st.expires)
}

func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}
