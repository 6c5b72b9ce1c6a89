// Package recent puts together what happened lately with one person's way in:
// logins and what kept them out, mails to them, and changes, in one list by time.
// It owns the order and the pages of the list; what the person may read of it is
// decided here too, how it is worded elsewhere.
package recent

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Attempts, Mails and Lines are where it is kept.
type (
	// Attempts is *attempt.Recorder.
	Attempts interface {
		Before(ctx context.Context, subject string, before time.Time, limit int) ([]*store.Attempt, error)
	}
	// Mails is *outbox.Outbox.
	Mails interface {
		Before(ctx context.Context, owner outbox.Owner, before time.Time, n int) ([]*store.Mail, error)
	}
	// Lines is *audit.Log.
	Lines interface {
		List(ctx context.Context, account string, q audit.Query) (audit.Page, error)
	}
)

// Options are what a List works with.
type Options struct {
	Attempts Attempts
	Mails    Mails // nil: nobody is mailed
	Lines    Lines
}

// List tells what happened.
type List struct{ Options }

// New returns a List.
func New(o Options) *List { return &List{o} }

// Event is one thing that happened: an attempt, a mail or a change.
type Event struct {
	At      time.Time
	Attempt *store.Attempt
	Mail    *store.Mail
	Line    *audit.Entry
}

// Page is a part of the list, the newest first. Older is the cursor of the next,
// empty at the end.
type Page struct {
	Events []Event
	Older  string
}

// told are the changes that a person reads of. Who looked at what, and what is kept
// for others to read, is not among them.
var told = map[audit.Action]bool{
	audit.UserCreated: true, audit.UserEmailChanged: true, audit.UserEmailAsked: true, audit.UserEmailDropped: true,
	audit.UserNameChanged: true, audit.UserTypeChanged: true, audit.UserBlocked: true, audit.UserUnblocked: true,
	audit.UserPasswordSet: true, audit.UserPasswordRemoved: true, audit.UserSecondStepOn: true, audit.UserSecondStepOff: true,
	audit.UserIdentityLinked: true, audit.UserIdentityUnlinked: true,
	audit.UserSessionsEnded: true, audit.UserSessionEnded: true, audit.UserDisowned: true, audit.UserInvited: true,
}

// Tells lists the changes that a person reads of.
func Tells() []audit.Action {
	var all []audit.Action
	for _, a := range audit.Actions() {
		if told[a] {
			all = append(all, a)
		}
	}
	return all
}

// Of returns about n things that happened to u before a cursor, from the newest on
// where it is empty or none. What happened in one step stays on one page.
func (l *List) Of(ctx context.Context, u *store.User, cursor string, n int) (Page, error) {
	before := time.Time{}
	if nanos, err := strconv.ParseInt(cursor, 36, 64); err == nil && nanos > 0 {
		before = time.Unix(0, nanos)
	}
	all, err := l.gather(ctx, u, before, n+step)
	if err != nil {
		return Page{}, fmt.Errorf("reading what happened lately: %w", err)
	}
	slices.SortStableFunc(all, func(a, b Event) int { return b.At.Compare(a.At) })
	end := min(n, len(all))
	for end > 0 && end < len(all) && all[end].At.Equal(all[end-1].At) {
		end++
	}
	p := Page{Events: all[:end]}
	if end < len(all) {
		p.Older = strconv.FormatInt(all[end-1].At.UnixNano(), 36)
	}
	return p, nil
}

// step is how much happens in one moment at most: a change writes a few lines.
const step = 16

// gather takes n of each sort, so that the n newest of all are among them.
func (l *List) gather(ctx context.Context, u *store.User, before time.Time, n int) (all []Event, err error) {
	attempts, err := l.Attempts.Before(ctx, attempt.Subject(u.ID, ""), before, n)
	if err != nil {
		return nil, err
	}
	for _, a := range attempts {
		all = append(all, Event{At: a.First, Attempt: a})
	}
	if l.Mails != nil {
		mails, err := l.Mails.Before(ctx, outbox.OfUser(u.Account, u.ID), before, n)
		if err != nil {
			return nil, err
		}
		for _, m := range mails {
			all = append(all, Event{At: m.Created, Mail: m})
		}
	}
	lines, err := l.lines(ctx, u, before, n)
	for i := range lines {
		all = append(all, Event{At: lines[i].At, Line: &lines[i]})
	}
	return all, err
}

// reads bounds how much of the log of an account is gone through for one page: it
// is in the order of time and not of people.
const reads = 2

func (l *List) lines(ctx context.Context, u *store.User, before time.Time, n int) (lines []audit.Entry, err error) {
	q := audit.Query{User: u.ID, Until: before, N: 2 * n}
	for range reads {
		p, err := l.Lines.List(ctx, u.Account, q)
		if err != nil {
			return nil, err
		}
		for _, e := range p.Entries {
			if told[e.Action] {
				lines = append(lines, e)
			}
		}
		if len(lines) >= n || p.Older == "" {
			break
		}
		q.Before, q.Until = p.Older, time.Time{}
	}
	return lines, nil
}
