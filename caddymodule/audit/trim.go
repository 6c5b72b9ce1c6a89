package audit

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// errOvertaken: somebody else trimmed in the meantime.
var errOvertaken = errors.New("the checkpoint has moved")

// Trim removes the lines before until, and leaves a signed checkpoint that
// vouches for them. It returns how many it removed. Lines that do not hold
// together are ErrBroken, and stay: a trim must not cover anything up. Where
// somebody has it done, the log says who.
func (l *Log) Trim(ctx context.Context, account string, until time.Time) (removed int, err error) {
	s, err := l.span(ctx, account)
	if err != nil {
		return 0, err
	}
	if s.check != nil && !l.signed(trimForm, account, s.check) {
		return 0, fmt.Errorf("trimming the audit log of %s: its checkpoint is not ours: %w", account, ErrBroken)
	}
	end, err := l.at(ctx, account, s, until)
	if err != nil {
		return 0, err
	}
	var said *Entry
	if Who(ctx).Kind != ByGateway {
		said = &Entry{Action: AuditTrimmed, Account: account, After: map[string]string{
			"through": strconv.FormatUint(end-1, 10), "until": moment(until),
		}}
	}
	for from := s.from; from < end; {
		n, err := l.trimSome(ctx, account, s.check, from, end-1, until, said)
		switch {
		case errors.Is(err, errOvertaken):
			return removed, nil // they are at it
		case err != nil:
			return removed, fmt.Errorf("trimming the audit log of %s: %w", account, err)
		}
		said = nil
		removed += n.lines
		from, s.check = n.check.Seq+1, n.check
		if n.over {
			break
		}
	}
	return removed, nil
}

// trimmed is what one step of a trim did.
type trimmed struct {
	lines int
	check *store.AuditCheck
	over  bool // the next line is to stay
}

// trimSome removes some lines and moves the checkpoint behind them in one step.
func (l *Log) trimSome(ctx context.Context, account string, before *store.AuditCheck, from, to uint64, until time.Time, said *Entry) (trimmed, error) {
	lines, err := l.up(ctx, account, from, to)
	if err != nil {
		return trimmed{}, err
	}
	over := false
	for i, line := range lines {
		if !line.At.Before(until) { // clocks of nodes differ a little
			lines, over = lines[:i], true
			break
		}
	}
	next := &store.AuditCheck{Seq: from - 1}
	if before != nil {
		*next = *before
	}
	if len(lines) == 0 {
		if over {
			return trimmed{check: next, over: true}, nil
		}
		return trimmed{}, fmt.Errorf("line %d: %w", from, ErrBroken)
	}
	if next.Seq, next.Hash, err = follow(account, next.Seq, next.Hash, lines); err != nil {
		return trimmed{}, err
	}
	next.At, next.Last = l.Now().UTC(), lines[len(lines)-1].At
	if err := l.sign(trimForm, account, next); err != nil {
		return trimmed{}, err
	}
	err = l.update(ctx, account, func(tx store.Tx) error { return l.cut(ctx, tx, before, next, lines, said) })
	return trimmed{len(lines), next, over}, err
}

// cut removes lines and puts a checkpoint in the place of the one before.
func (l *Log) cut(ctx context.Context, tx store.Tx, before, next *store.AuditCheck, lines []*store.AuditLine, said *Entry) error {
	there, err := store.AuditChecks.Read(tx, "")
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if (there == nil) != (before == nil) || there != nil && there.MAC != before.MAC {
		return errOvertaken
	}
	for _, line := range lines {
		if err := store.AuditLines.Delete(tx, lineID(line.Seq)); err != nil {
			return err
		}
	}
	if said != nil {
		if err := Append(ctx, tx, *said, l.Now()); err != nil {
			return err
		}
	}
	return store.AuditChecks.Put(tx, "", next, never)
}
