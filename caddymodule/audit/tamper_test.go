package audit_test

import (
	"errors"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Whatever is done to a log behind its back shows.
func TestTamperingShows(t *testing.T) {
	for name, attack := range map[string]struct {
		do    func(tx store.Tx) error
		shows string
	}{
		"a line is removed": {
			func(tx store.Tx) error { return store.AuditLines.Delete(tx, lineID(5)) }, "5: line 5 is missing",
		},
		"lines are removed": {
			func(tx store.Tx) error {
				return errors.Join(store.AuditLines.Delete(tx, lineID(5)), store.AuditLines.Delete(tx, lineID(6)))
			}, "6: lines 5 to 6 are missing",
		},
		"the first line is removed": {
			func(tx store.Tx) error { return store.AuditLines.Delete(tx, lineID(1)) }, "line 1 is missing, and no checkpoint",
		},
		"the newest line is removed": {
			func(tx store.Tx) error { return store.AuditLines.Delete(tx, lineID(20)) }, "line 20 is missing",
		},
		"an action is altered": {
			func(tx store.Tx) error {
				return alter(tx, 5, func(l *store.AuditLine) { l.Action = audit.UserUnblocked })
			}, "5: it is not the line that was written",
		},
		"somebody else did it": {
			func(tx store.Tx) error { return alter(tx, 5, func(l *store.AuditLine) { l.ActorID = "piet" }) }, "5: it is not",
		},
		"it was at another time": {
			func(tx store.Tx) error {
				return alter(tx, 5, func(l *store.AuditLine) { l.At = l.At.Add(time.Millisecond) })
			}, "5: it is not",
		},
		"it was somebody else": {
			func(tx store.Tx) error { return alter(tx, 20, func(l *store.AuditLine) { l.User = "piet" }) }, "20: it is not",
		},
		"a personal part is altered": {
			func(tx store.Tx) error {
				return alter(tx, 5, func(l *store.AuditLine) { l.OnPart.Fields["after.name"] = "Klaas" })
			}, "5: what it says about whom it was done to was altered",
		},
		"the name of who did it is altered": {
			func(tx store.Tx) error {
				return alter(tx, 5, func(l *store.AuditLine) { l.ByPart.Fields["name"] = "Klaas" })
			}, "5: what it says about who did it was altered",
		},
		"a personal part is removed": {
			func(tx store.Tx) error { return alter(tx, 5, func(l *store.AuditLine) { l.OnPart = nil }) }, "5: what it says about whom it was done to was removed",
		},
		"a personal part is added": {
			func(tx store.Tx) error {
				return errors.Join(
					alter(tx, 5, func(l *store.AuditLine) { l.OnPart = nil }),
					alter(tx, 5, func(l *store.AuditLine) { l.OnPart = &store.AuditPart{Salt: "x"} }),
				)
			}, "5: what it says about whom it was done to was altered",
		},
		"two lines change places": {swap, "5: it is not the line"},
		"the newest lines are cut off": {
			func(tx store.Tx) error {
				line, err := store.AuditLines.Read(tx, lineID(20))
				if err != nil {
					return err
				}
				return errors.Join(
					store.AuditLines.Delete(tx, lineID(20)),
					store.AuditHeads.Put(tx, "", &store.AuditHead{Seq: 19, Hash: line.Prev}, time.Time{}),
				)
			}, "20: line 20 is missing: at 2027-03-01T09:20:00.000Z the gateway signed",
		},
		"the end is forgotten": {
			func(tx store.Tx) error { return store.AuditHeads.Delete(tx, "") }, "20: it lies behind the end",
		},
		"all is gone": {
			func(tx store.Tx) error {
				for seq := range uint64(20) {
					if err := store.AuditLines.Delete(tx, lineID(seq+1)); err != nil {
						return err
					}
				}
				return store.AuditHeads.Delete(tx, "")
			}, "lines 1 to 20 are missing",
		},
		"a seal is made up": {
			func(tx store.Tx) error {
				return store.AuditSeals.Put(tx, "", &store.AuditCheck{Seq: 3, MAC: "00"}, time.Time{})
			}, "3: the seal is not signed",
		},
		"a checkpoint is made up": {
			func(tx store.Tx) error {
				line, err := store.AuditLines.Read(tx, lineID(4))
				if err != nil {
					return err
				}
				for seq := range uint64(3) {
					if err := store.AuditLines.Delete(tx, lineID(seq+1)); err != nil {
						return err
					}
				}
				return store.AuditChecks.Put(tx, "", &store.AuditCheck{Seq: 3, Hash: line.Prev, MAC: "00"}, time.Time{})
			}, "3: the checkpoint is not signed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			onEngines(t, func(t *testing.T, h *house) {
				h.fill(t, 20)
				must(t, h.Seal(t.Context(), "acme"))
				if r := h.whole(t, h.Log); r.Sealed != 20 {
					t.Errorf("sealed up to %d", r.Sealed)
				}
				h.tamper(t, attack.do)
				h.broken(t, h.second, attack.shows)
			})
		})
	}
}

// swap exchanges lines 5 and 6, numbers and all that nothing but the chain knows.
func swap(tx store.Tx) error {
	five, err := store.AuditLines.Read(tx, lineID(5))
	if err != nil {
		return err
	}
	six, err := store.AuditLines.Read(tx, lineID(6))
	if err != nil {
		return err
	}
	five.Seq, six.Seq, five.Prev, six.Prev = 6, 5, six.Prev, five.Prev
	return errors.Join(store.AuditLines.Put(tx, lineID(6), five, time.Time{}), store.AuditLines.Put(tx, lineID(5), six, time.Time{}))
}

// Who can write the store, but does not have the secret, can write a log that
// holds together. It is not the one that was signed.
func TestARewrittenLogIsNotTheSealedOne(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.fill(t, 20)
		must(t, h.Seal(t.Context(), "acme"))
		h.tamper(t, func(tx store.Tx) error {
			if err := store.AuditHeads.Delete(tx, ""); err != nil {
				return err
			}
			for range 25 {
				if err := audit.Append(t.Context(), tx, audit.Entry{Account: "acme", Action: audit.UserCreated}, base); err != nil {
					return err
				}
			}
			return nil
		})
		h.broken(t, h.Log, "20: it is not the line that the gateway signed")
		if err := h.Seal(t.Context(), "acme"); !errors.Is(err, audit.ErrBroken) {
			t.Errorf("it was sealed again: %v", err)
		}
	})
}

// A seal is signed only over lines that hold together with the one before.
func TestASealCoversNothingUp(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.fill(t, 300)
		h.tamper(t, func(tx store.Tx) error {
			return alter(tx, 280, func(l *store.AuditLine) { l.User = "piet" })
		})
		if err := h.Seal(t.Context(), "acme"); !errors.Is(err, audit.ErrBroken) {
			t.Errorf("%v", err)
		}
	})
}

func TestSealsOfOldSecrets(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.fill(t, 10)
		must(t, h.Seal(t.Context(), "acme"))
		rotated := h.node(t, h.engine, keyTwo, keyOne)
		h.whole(t, rotated)
		h.fill(t, 10)
		must(t, rotated.Seal(t.Context(), "acme"))
		if r := h.whole(t, rotated); r.Sealed != 20 {
			t.Errorf("%+v", r)
		}
		h.broken(t, h.Log, "20: the seal is not signed")
	})
}
