package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

var never time.Time

// Append writes e as the newest line of the log of e.Account, whose tag tx must
// be on, in the same step as what else tx writes. Seq, At and, where it is
// empty, Actor are filled in.
func Append(ctx context.Context, tx store.Tx, e Entry, now time.Time) error {
	if !slices.Contains(actions, e.Action) {
		return fmt.Errorf("audit: there is no action %.60q; add it to the list in package audit", e.Action)
	}
	if e.Account == "" {
		return errors.New("audit: an entry without an account: set Account")
	}
	if e.Actor.Kind == "" {
		e.Actor = Who(ctx)
	}
	head, err := store.AuditHeads.Read(tx, "")
	if errors.Is(err, store.ErrNotFound) {
		head, err = &store.AuditHead{}, nil
	}
	if err != nil {
		return fmt.Errorf("audit: reading the end of the log: %w", err)
	}
	e.Seq, e.At = head.Seq+1, now
	line := e.line(head.Hash, salt())
	if err := store.AuditLines.Put(tx, lineID(line.Seq), line, never); err != nil {
		return fmt.Errorf("audit: writing a line: %w", err)
	}
	next := &store.AuditHead{Seq: line.Seq, Hash: hash(e.Account, line)}
	if err := store.AuditHeads.Put(tx, "", next, never); err != nil {
		return fmt.Errorf("audit: writing the end of the log: %w", err)
	}
	return nil
}

func salt() func() string { return secret.Token }

// lineID puts the newest line first.
func lineID(seq uint64) string { return fmt.Sprintf("%016x", ^seq) }
