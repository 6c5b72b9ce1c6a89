package audit_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/store"
)

func TestEntriesComeBackAsTheyWere(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		e := audit.Entry{
			Action: audit.UserEmailChanged, User: "jan", Email: "jan@demo.test", Why: "typo",
			Before: map[string]string{"email": "jna@demo.test"}, After: map[string]string{"email": "jan@demo.test"},
		}
		must(t, h.Add(audit.As(t.Context(), anna), "acme", e))
		must(t, h.Add(t.Context(), "acme", audit.Entry{Action: audit.AccountSessionsEnded}))
		must(t, h.Add(t.Context(), "other", audit.Entry{Action: audit.AccountSessionsEnded}))
		p, err := h.second.List(t.Context(), "acme", audit.Query{})
		must(t, err)
		e.Seq, e.At, e.Account, e.Actor = 1, base, "acme", anna
		want := []audit.Entry{
			{Seq: 2, At: base, Action: audit.AccountSessionsEnded, Account: "acme", Actor: audit.Actor{Kind: audit.ByGateway}}, e,
		}
		if diff := cmp.Diff(audit.Page{Entries: want}, p); diff != "" {
			t.Error(diff)
		}
		if r := h.whole(t, h.Log); r.Lines != 2 || r.First != 1 || r.Last != 2 {
			t.Errorf("%+v", r)
		}
	})
}

func TestOnlyKnownActionsOfAnAccountAreWritten(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		if err := h.Add(t.Context(), "acme", audit.Entry{Action: "user.tickled"}); err == nil {
			t.Error("an action that is on no list was written")
		}
		err := h.engine.Update(t.Context(), "a:acme", func(tx store.Tx) error {
			return audit.Append(t.Context(), tx, audit.Entry{Action: audit.UserBlocked}, base)
		})
		if err == nil {
			t.Error("an entry of no account was written")
		}
		if r := h.whole(t, h.Log); r.Lines != 0 {
			t.Errorf("%+v", r)
		}
	})
}

func TestActionsHaveWordsOfTheirOwn(t *testing.T) {
	ids := map[string]bool{}
	for _, a := range audit.Actions() {
		ids[audit.WordID(a)] = true
	}
	if len(ids) != len(audit.Actions()) {
		t.Error("two actions share a word")
	}
}

func TestListByCursor(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.fill(t, 700)
		var down []uint64
		for cursor := ""; ; {
			p, err := h.List(t.Context(), "acme", audit.Query{Before: cursor, N: 300})
			must(t, err)
			down = append(down, seqs(p)...)
			if (cursor == "") != (p.Newer == "") {
				t.Errorf("after %q: newer %q", cursor, p.Newer)
			}
			if cursor = p.Older; cursor == "" {
				break
			}
		}
		for i, seq := range down {
			if seq != uint64(700-i) {
				t.Fatalf("place %d: line %d", i, seq)
			}
		}
		if len(down) != 700 {
			t.Errorf("%d lines", len(down))
		}
		// And back up again from the oldest.
		last, err := h.List(t.Context(), "acme", audit.Query{Before: "2", N: 10})
		must(t, err)
		if got := seqs(last); len(got) != 1 || last.Older != "" {
			t.Fatalf("%v, older %q", got, last.Older)
		}
		up := len(last.Entries)
		for cursor := last.Newer; cursor != ""; {
			p, err := h.List(t.Context(), "acme", audit.Query{After: cursor, N: 300})
			must(t, err)
			got := seqs(p)
			if got[len(got)-1] != uint64(up+1) || p.Older == "" || !slices.IsSortedFunc(got, func(a, b uint64) int { return int(b) - int(a) }) {
				t.Fatalf("page after %d begins with %v", up, got[len(got)-1])
			}
			up += len(got)
			cursor = p.Newer
		}
		if up != 700 {
			t.Errorf("%d lines on the way up", up)
		}
		for _, bad := range []string{"?", "-1", strings.Repeat("z", 30)} {
			if _, err := h.List(t.Context(), "acme", audit.Query{Before: bad}); !errors.Is(err, audit.ErrCursor) {
				t.Errorf("cursor %q: %v", bad, err)
			}
			if _, err := h.List(t.Context(), "acme", audit.Query{After: bad}); !errors.Is(err, audit.ErrCursor) {
				t.Errorf("cursor %q: %v", bad, err)
			}
		}
	})
}

func TestListPicks(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.fill(t, 300)
		must(t, h.Add(t.Context(), "acme", audit.Entry{Action: audit.UserErased, User: "u3"}))
		for name, q := range map[string]audit.Query{
			"user":   {User: "u3", N: 1000},
			"actor":  {Actor: "anna", User: "u3", N: 1000},
			"action": {Action: audit.UserErased},
			"time":   {Since: base.Add(100 * time.Minute), Until: base.Add(110 * time.Minute)},
			"page":   {User: "u3", N: 7},
		} {
			p, err := h.List(t.Context(), "acme", q)
			must(t, err)
			want := map[string]int{"user": 31, "actor": 30, "action": 1, "time": 10, "page": 7}[name]
			if len(p.Entries) != want {
				t.Errorf("%s: %d entries, want %d", name, len(p.Entries), want)
			}
			if (p.Older != "") != (name == "page") {
				t.Errorf("%s: older %q", name, p.Older)
			}
		}
	})
}

// A page of a long log reads a page, wherever it is, and not the log.
func TestListOfALongLogReadsLittle(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		const long = 6_000
		h.fill(t, long)
		for name, q := range map[string]audit.Query{
			"newest": {N: 50},
			"middle": {N: 50, Before: "2bc"}, // 3,000
			"up":     {N: 50, After: "2bc"},
			"until":  {N: 50, Until: base.Add(2000 * time.Minute)},
		} {
			h.engine.read.Store(0)
			p, err := h.List(t.Context(), "acme", q)
			must(t, err)
			if read := h.engine.read.Load(); len(p.Entries) != 50 || read > 600 {
				t.Errorf("%s: %d entries, %d records read", name, len(p.Entries), read)
			}
		}
		// A search for what is not there stops, and says where to go on.
		h.engine.read.Store(0)
		p, err := h.List(t.Context(), "acme", audit.Query{User: "nobody"})
		must(t, err)
		if read := h.engine.read.Load(); len(p.Entries) != 0 || p.Older == "" || read > 5_000 {
			t.Errorf("%d entries, older %q, %d records read", len(p.Entries), p.Older, read)
		}
	})
}

// Two nodes write to one log; nothing is lost and the chain holds.
func TestManyWriteAtOnce(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		const each = 25
		var all sync.WaitGroup
		for w := range 8 {
			l := []*audit.Log{h.Log, h.second}[w%2]
			all.Go(func() {
				for i := range each {
					e := audit.Entry{Action: audit.LookedUser, User: fmt.Sprintf("w%d-%d", w, i), Email: "x@demo.test"}
					if err := l.Add(audit.As(t.Context(), anna), "acme", e); err != nil {
						t.Errorf("writing: %v", err)
					}
				}
			})
		}
		all.Wait()
		p, err := h.List(t.Context(), "acme", audit.Query{N: 1000})
		must(t, err)
		users := map[string]bool{}
		for _, e := range p.Entries {
			users[e.User] = true
		}
		if r := h.whole(t, h.second); r.Lines != 8*each || len(users) != 8*each {
			t.Errorf("%d lines about %d users", r.Lines, len(users))
		}
	})
}

// An export can be checked by somebody who has nothing but it, and the
// description of what hashes are made of.
func TestExportCanBeCheckedByOthers(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.fill(t, 600)
		_, err := h.Erase(t.Context(), "acme", "u3")
		must(t, err)
		var out bytes.Buffer
		must(t, h.Export(audit.As(t.Context(), anna), "acme", &out))
		prev, count := "", 0
		var last audit.Exported
		for line := range strings.Lines(out.String()) {
			var x audit.Exported
			must(t, json.Unmarshal([]byte(line), &x))
			if x.Prev != prev || x.Hash != hashOf(x) {
				t.Fatalf("line %d does not fit", x.Seq)
			}
			prev, last = x.Hash, x
			count++
		}
		if count != 602 || last.Action != audit.AuditExported || last.Actor.Name != anna.Name {
			t.Errorf("%d lines, the last one %+v", count, last)
		}
		if strings.Contains(out.String(), "u3@demo.test") || !strings.Contains(out.String(), "u4@demo.test") {
			t.Error("not what was erased is gone")
		}
	})
}

func netstrings(texts ...string) string {
	var b strings.Builder
	for _, s := range texts {
		fmt.Fprintf(&b, "%d:%s,", len(s), s)
	}
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:])
}

func hashOf(x audit.Exported) string {
	fields := map[string]string{}
	for name, v := range map[string]string{"email": x.Email, "why": x.Why} {
		if v != "" {
			fields[name] = v
		}
	}
	for name, v := range x.Before {
		fields["before."+name] = v
	}
	for name, v := range x.After {
		fields["after."+name] = v
	}
	part := []string{"cliendo audit part 1", x.SubjectSalt}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		part = append(part, name, fields[name])
	}
	if x.SubjectSalt != "" && netstrings(part...) != x.SubjectDigest {
		return "the digest of whom it was done to does not fit"
	}
	return netstrings("cliendo audit line 1", x.Account, fmt.Sprint(x.Seq), x.At.UTC().Format("2006-01-02T15:04:05.000Z"),
		x.Action, x.User, x.Actor.Kind, x.Actor.ID, x.Actor.Account, x.ActorDigest, x.SubjectDigest, x.Prev)
}
