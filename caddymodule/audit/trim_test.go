package audit_test

import (
	"errors"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/store"
)

func TestTrimIsVouchedFor(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.fill(t, 700)
		n, err := h.Trim(t.Context(), "acme", base.Add(601*time.Minute))
		must(t, err)
		r := h.whole(t, h.second)
		if n != 600 || r.First != 601 || r.Lines != 100 || r.Trimmed != 600 {
			t.Errorf("%d removed: %+v", n, r)
		}
		if n, err = h.Trim(t.Context(), "acme", base.Add(601*time.Minute)); n != 0 || err != nil {
			t.Errorf("again: %d, %v", n, err)
		}
		// The key may change meanwhile; the next checkpoint is signed with the new one.
		rotated := h.node(t, h.engine, keyTwo, keyOne)
		h.whole(t, rotated)
		n, err = rotated.Trim(t.Context(), "acme", h.Now().Add(time.Hour))
		must(t, err)
		if r := h.whole(t, rotated); n != 100 || r.Lines != 0 || r.Trimmed != 700 {
			t.Errorf("%d removed: %+v", n, r)
		}
		h.broken(t, h.Log, "the checkpoint is not signed")
		h.fill(t, 1)
		if r := h.whole(t, rotated); r.First != 701 {
			t.Errorf("%+v", r)
		}
		p, err := rotated.List(t.Context(), "acme", audit.Query{})
		must(t, err)
		if len(p.Entries) != 1 || p.Older != "" {
			t.Errorf("%+v", p)
		}
	})
}

func TestATrimByHandIsOnRecord(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.fill(t, 300)
		n, err := h.Trim(audit.As(t.Context(), anna), "acme", h.Now().Add(time.Hour))
		must(t, err)
		p, err := h.List(t.Context(), "acme", audit.Query{})
		must(t, err)
		if n != 300 || len(p.Entries) != 1 || p.Entries[0].Action != audit.AuditTrimmed || p.Entries[0].After["through"] != "300" ||
			p.Entries[0].Actor != anna {
			t.Errorf("%d removed, left: %+v", n, p.Entries)
		}
		h.whole(t, h.Log)
	})
}

// What a checkpoint vouches for must not be taken out again, moved or put back.
func TestTamperingWithATrimShows(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.fill(t, 20)
		_, err := h.Trim(t.Context(), "acme", base.Add(10*time.Minute+1))
		must(t, err)
		var check *store.AuditCheck
		h.tamper(t, func(tx store.Tx) (err error) {
			check, err = store.AuditChecks.Read(tx, "")
			return errors.Join(err, store.AuditChecks.Delete(tx, ""))
		})
		h.broken(t, h.Log, "lines 1 to 10 are missing, and no checkpoint")
		put := func(c store.AuditCheck) {
			h.tamper(t, func(tx store.Tx) error { return store.AuditChecks.Put(tx, "", &c, time.Time{}) })
		}
		put(*check)
		h.whole(t, h.Log)
		moved := *check
		moved.Seq = 11
		put(moved)
		h.broken(t, h.Log, "the checkpoint is not signed")
		put(*check)
		h.tamper(t, func(tx store.Tx) error { return store.AuditLines.Delete(tx, lineID(11)) })
		h.broken(t, h.Log, "11: line 11 is missing; the checkpoint vouches for those up to 10")
		// A trim does not cover it up either.
		if _, err := h.Trim(t.Context(), "acme", h.Now()); !errors.Is(err, audit.ErrBroken) {
			t.Errorf("%v", err)
		}
		h.broken(t, h.Log, "11: line 11 is missing")
	})
}

// The checkpoint of one account is worth nothing in another.
func TestACheckpointBelongsToItsAccount(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.fill(t, 5)
		_, err := h.Trim(t.Context(), "acme", h.Now().Add(time.Hour))
		must(t, err)
		must(t, h.Add(t.Context(), "other", audit.Entry{Action: audit.UserCreated}))
		check, err := store.AuditChecks.Get(t.Context(), h.engine, "a:acme", "")
		must(t, err)
		must(t, h.engine.Update(t.Context(), "a:other", func(tx store.Tx) error {
			return store.AuditChecks.Put(tx, "", check, time.Time{})
		}))
		r, err := h.Verify(t.Context(), "other")
		must(t, err)
		if r.OK() {
			t.Error("it passes")
		}
	})
}

func TestErasureLeavesTheChainWhole(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.fill(t, 600)
		must(t, h.Seal(t.Context(), "acme"))
		n, err := h.Erase(t.Context(), "acme", "u3")
		must(t, err)
		if r := h.whole(t, h.second); n != 60 || r.Erased != 60 || r.Lines != 601 {
			t.Errorf("%d erased: %+v", n, r)
		}
		p, err := h.List(t.Context(), "acme", audit.Query{User: "u3", N: 1000})
		must(t, err)
		for _, e := range p.Entries[1:] {
			if e.Email != "" || e.Why != "" || e.Before != nil || e.After != nil || !e.Erased || e.Actor != anna || e.User != "u3" {
				t.Fatalf("left: %+v", e)
			}
		}
		if n, err := h.Erase(t.Context(), "acme", "u3"); n != 0 || err != nil {
			t.Errorf("again: %d, %v", n, err)
		}
		// Who did things is somebody as well.
		n, err = h.Erase(audit.As(t.Context(), anna), "acme", "anna")
		must(t, err)
		if r := h.whole(t, h.Log); n != 601 || r.Erased != 601 {
			t.Errorf("%d erased: %+v", n, r)
		}
		p, err = h.List(t.Context(), "acme", audit.Query{User: "u4", N: 1})
		must(t, err)
		if e := p.Entries[0]; e.Actor.Name != "" || e.Actor.Network != "" || !e.ActorErased || e.Actor.ID != "anna" || e.Email != "u4@demo.test" {
			t.Errorf("%+v", e)
		}
		// What is on record for one covers nobody else.
		h.tamper(t, func(tx store.Tx) error { return alter(tx, 4, func(l *store.AuditLine) { l.OnPart = nil }) })
		h.broken(t, h.Log, "4: what it says about whom it was done to was removed")
	})
}

// A trim takes the old lines of somebody erased, not what says that they were.
func TestErasedAndTrimmed(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.fill(t, 30)
		_, err := h.Erase(t.Context(), "acme", "u3")
		must(t, err)
		_, err = h.Trim(t.Context(), "acme", base.Add(15*time.Minute))
		must(t, err)
		h.whole(t, h.Log)
	})
}

func TestUpkeepOnOneNode(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		must(t, h.engine.Update(t.Context(), store.DirectoryTag, func(tx store.Tx) error {
			return errors.Join(
				store.Roll.Put(tx, "acme", &store.RollEntry{Created: base}, time.Time{}),
				store.Roll.Put(tx, "empty", &store.RollEntry{Created: base}, time.Time{}),
			)
		}))
		h.fill(t, 10)
		first, err := h.Due(t.Context())
		must(t, err)
		if again, err := h.second.Due(t.Context()); !first || again || err != nil {
			t.Fatalf("due: %t, then %t, %v", first, again, err)
		}
		h.Push(2 * time.Hour) // the one who took it died
		must(t, h.second.TendIfDue(t.Context()))
		if r := h.whole(t, h.Log); r.Sealed != 10 || r.Lines != 10 {
			t.Errorf("%+v", r)
		}
		if again, err := h.Due(t.Context()); again || err != nil {
			t.Errorf("due right after: %t, %v", again, err)
		}
		h.Push(audit.DefaultKeep)
		h.fill(t, 1)
		must(t, h.TendIfDue(t.Context()))
		if r := h.whole(t, h.Log); r.Lines != 1 || r.Trimmed != 10 || r.Sealed != 11 {
			t.Errorf("%+v", r)
		}
	})
}

// An account whose log is broken keeps no other from being tended.
func TestUpkeepGoesOn(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		must(t, h.engine.Update(t.Context(), store.DirectoryTag, func(tx store.Tx) error {
			return errors.Join(
				store.Roll.Put(tx, "acme", &store.RollEntry{}, time.Time{}), store.Roll.Put(tx, "zorg", &store.RollEntry{}, time.Time{}),
			)
		}))
		h.fill(t, 3)
		h.tamper(t, func(tx store.Tx) error { return store.AuditLines.Delete(tx, lineID(2)) })
		must(t, h.Add(t.Context(), "zorg", audit.Entry{Action: audit.UserCreated, User: "x"}))
		if err := h.TendIfDue(t.Context()); !errors.Is(err, audit.ErrBroken) {
			t.Errorf("%v", err)
		}
		r, err := h.Verify(t.Context(), "zorg")
		must(t, err)
		if r.Sealed != 1 {
			t.Errorf("%+v", r)
		}
		if due, err := h.Due(t.Context()); due || err != nil {
			t.Errorf("tried again at once: %t, %v", due, err)
		}
	})
}

func TestStartAndStop(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		must(t, h.engine.Update(t.Context(), store.DirectoryTag, func(tx store.Tx) error {
			return store.Roll.Put(tx, "acme", &store.RollEntry{}, time.Time{})
		}))
		h.fill(t, 3)
		stop := h.Start(discard)
		for sealed := false; !sealed; {
			r, err := h.Verify(t.Context(), "acme")
			must(t, err)
			sealed = r.Sealed == 3
		}
		stop()
	})
}
