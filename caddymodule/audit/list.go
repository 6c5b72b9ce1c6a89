package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// ErrCursor is returned by List for what is no cursor.
var ErrCursor = errors.New("bad cursor")

// Query says which lines to list.
type Query struct {
	// Before and After are cursors of a Page: older and newer lines than those.
	// Give one of them, or none for the newest.
	Before, After string
	// N is how many lines at most; default 50, never more than 1000.
	N int
	// User, Action and Actor (an id) take only lines that are about it.
	User, Action, Actor string
	// Since and Until take only lines of that time: Since <= At < Until.
	Since, Until time.Time
}

// Page is a part of a log, newest first.
type Page struct {
	Entries []Entry
	// Older and Newer are cursors for Before and After; empty where there are none.
	// Where few lines fit the query a page may be short, even empty, and still have
	// one: there is more to look at.
	Older, Newer string
}

// looks is how many lines one List looks at, at most.
const looks = 4096

// fits tells whether a query takes a line.
func (q Query) fits(l *store.AuditLine) bool {
	return (q.User == "" || q.User == l.User) && (q.Action == "" || q.Action == l.Action) &&
		(q.Actor == "" || q.Actor == l.ActorID) && !l.At.Before(q.Since) && (q.Until.IsZero() || l.At.Before(q.Until))
}

// List returns lines of the log of an account. What it costs does not grow with
// the log.
func (l *Log) List(ctx context.Context, account string, q Query) (Page, error) {
	if q.N <= 0 {
		q.N = 50
	}
	q.N = min(q.N, 1000)
	s, err := l.span(ctx, account)
	if err != nil {
		return Page{}, err
	}
	if q.After != "" {
		seq, err := parseCursor(q.After)
		if err != nil {
			return Page{}, err
		}
		return l.newer(ctx, account, q, s, seq)
	}
	below := s.to + 1
	if q.Before != "" {
		seq, err := parseCursor(q.Before)
		if err != nil {
			return Page{}, err
		}
		below = min(below, seq)
	}
	if !q.Until.IsZero() {
		at, err := l.at(ctx, account, s, q.Until)
		if err != nil {
			return Page{}, err
		}
		below = min(below, at)
	}
	return l.older(ctx, account, q, s, below)
}

// older lists the lines below a number.
func (l *Log) older(ctx context.Context, account string, q Query, s span, below uint64) (p Page, err error) {
	looked, last := 0, below
	err = l.down(ctx, account, below, func(lines []store.Item[store.AuditLine]) (bool, error) {
		for _, item := range lines {
			line := item.Value
			switch {
			case len(p.Entries) == q.N, looked == looks:
				p.Older = cursor(last)
				return false, nil
			case line.At.Before(q.Since):
				return false, nil
			case q.fits(line):
				p.Entries = append(p.Entries, entry(account, line))
			}
			looked, last = looked+1, line.Seq
		}
		return true, nil
	})
	if below <= s.to {
		p.Newer = cursor(below - 1)
	}
	return p, err
}

// newer lists the lines above a number: those next to it.
func (l *Log) newer(ctx context.Context, account string, q Query, s span, above uint64) (p Page, err error) {
	from, last := max(above+1, s.from), above
	for looked := 0; from <= s.to && len(p.Entries) < q.N && looked < looks; looked += step {
		lines, err := l.up(ctx, account, from, s.to)
		if err != nil {
			return Page{}, err
		}
		for _, line := range lines {
			if len(p.Entries) == q.N {
				break
			}
			if last = line.Seq; q.fits(line) {
				p.Entries = append(p.Entries, entry(account, line))
			}
		}
		from += step
	}
	slices.Reverse(p.Entries)
	if last < s.to {
		p.Newer = cursor(last)
	}
	if above >= s.from {
		p.Older = cursor(above + 1)
	}
	return p, nil
}

// at returns the number of the first line that was not written before t.
func (l *Log) at(ctx context.Context, account string, s span, t time.Time) (uint64, error) {
	low, high := s.from, s.to+1
	for low < high {
		middle := low + (high-low)/2
		line, err := store.AuditLines.Get(ctx, l.store, store.AccountTag(account), lineID(middle))
		if errors.Is(err, store.ErrNotFound) {
			return s.to + 1, nil // one is missing: Verify will say so; look at all of them
		}
		if err != nil {
			return 0, fmt.Errorf("reading the audit log: %w", err)
		}
		if line.At.Before(t) {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, nil
}

func cursor(seq uint64) string { return strconv.FormatUint(seq, 36) }

func parseCursor(text string) (uint64, error) {
	seq, err := strconv.ParseUint(text, 36, 63)
	if err != nil {
		return 0, fmt.Errorf("listing the audit log: %w", ErrCursor)
	}
	return seq, nil
}
