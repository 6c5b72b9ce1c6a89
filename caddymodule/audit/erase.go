package audit

import (
	"context"
	"fmt"
	"math"

	"github.com/cliendo/gateway/caddymodule/store"
)

// Erase removes what the log of an account says about a user besides their id:
// of what was done to them all that is personal, of what they did their name and
// where from. It returns from how many lines. The log says that it was done,
// before anything goes, so that a part that is missing without it shows.
func (l *Log) Erase(ctx context.Context, account, user string) (erased int, err error) {
	s, err := l.span(ctx, account)
	if err != nil {
		return 0, err
	}
	told := false
	tell := func() error {
		if told {
			return nil
		}
		told = true
		return l.Add(ctx, account, Entry{Action: UserErased, User: user})
	}
	erased, err = l.eraseBetween(ctx, account, user, s.to+1, 0, tell)
	if err == nil && told {
		// Lines written since, such as that one, if they did it themselves.
		var since int
		since, err = l.eraseBetween(ctx, account, user, math.MaxUint64, s.to, tell)
		erased += since
	}
	if err != nil {
		return erased, fmt.Errorf("erasing from the audit log of %s: %w", account, err)
	}
	return erased, nil
}

// eraseBetween erases from the lines below one number and above another, and
// calls tell before the first.
func (l *Log) eraseBetween(ctx context.Context, account, user string, below, above uint64, tell func() error) (erased int, err error) {
	err = l.down(ctx, account, below, func(lines []store.Item[store.AuditLine]) (bool, error) {
		var ids []string
		for _, item := range lines {
			if by, on := speaks(item.Value, user); (by || on) && item.Value.Seq > above {
				ids = append(ids, item.ID)
			}
		}
		if len(ids) == 0 {
			return lines[len(lines)-1].Value.Seq > above, nil
		}
		if err := tell(); err != nil {
			return false, err
		}
		n, err := l.blank(ctx, account, user, ids)
		erased += n
		return lines[len(lines)-1].Value.Seq > above, err
	})
	return erased, err
}

// speaks tells whether the parts of a line, on who did it and on whom, are about
// a user and still there.
func speaks(l *store.AuditLine, user string) (by, on bool) {
	person := l.ActorKind == ByUser || l.ActorKind == BySupport
	return l.ByPart != nil && person && l.ActorID == user, l.OnPart != nil && l.User == user
}

func (l *Log) blank(ctx context.Context, account, user string, ids []string) (n int, err error) {
	err = l.update(ctx, account, func(tx store.Tx) error {
		n = 0
		for _, id := range ids {
			line, err := store.AuditLines.Read(tx, id)
			if isGone(err) {
				continue // trimmed in the meantime
			}
			if err != nil {
				return err
			}
			by, on := speaks(line, user)
			if by {
				line.ByPart = nil
			}
			if on {
				line.OnPart = nil
			}
			if err := store.AuditLines.Put(tx, id, line, never); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}
