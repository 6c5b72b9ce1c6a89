package directory

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/event"
	"github.com/cliendo/gateway/caddymodule/store"
)

// noted are the changes of which the app is told. The others are about logging
// in only: passwords, second steps, sessions, the language of the pages.
var noted = map[audit.Action]string{
	audit.UserCreated: event.Created, audit.UserDeleted: event.Deleted,
	audit.UserEmailChanged: event.Changed, audit.UserNameChanged: event.Changed, audit.UserTypeChanged: event.Changed,
	audit.UserBlocked: event.Changed, audit.UserUnblocked: event.Changed,
	audit.AccountCreated: event.Created, audit.AccountNameChanged: event.Changed, audit.AccountChanged: event.Changed,
	audit.AccountStateChanged: event.State,
}

// note writes, in the step of the change itself, what is to be known of it: the
// lines of the audit log, and what the feed of changes tells.
func note(ctx context.Context, tx store.Tx, entries []audit.Entry, now time.Time) error {
	for _, e := range entries {
		if kind, ok := noted[e.Action]; ok {
			if err := event.Note(ctx, event.Change{Kind: kind, Account: e.Account, User: e.User}, e.Action); err != nil {
				return err
			}
		}
		if err := audit.Append(ctx, tx, e, now); err != nil {
			return err
		}
	}
	return nil
}

// Told runs change, in which a user is written by SaveIn or SaveUser, and has the
// feed of changes tell of it where what differs is of interest to the app. change
// may run twice; the first time it fails then and must have no effect.
func (d *Directory) Told(ctx context.Context, account, user string, change func(context.Context) error) error {
	return d.told(ctx, event.Change{Kind: event.Changed, Account: account, User: user}, change)
}

// told runs a change, and tells of it before and after where that is necessary,
// which shows only when it is tried.
func (d *Directory) told(ctx context.Context, c event.Change, change func(context.Context) error) error {
	err := change(ctx)
	if !errors.Is(err, event.ErrUnannounced) {
		return err
	}
	return d.feed.During(ctx, []event.Change{c}, change)
}

// userEntries are the lines for what differs; before is nil for a new user, after
// for one who goes. What differs in none of them is nothing people need to know:
// a hash of other costs, the language of a first login.
func userEntries(before, after *store.User) []audit.Entry {
	switch {
	case before == nil:
		return append([]audit.Entry{about(after, audit.UserCreated, nil, userFields(after))}, pendingEntries(&store.User{}, after)...)
	case after == nil:
		return []audit.Entry{about(before, audit.UserDeleted, userFields(before), nil)}
	}
	var entries []audit.Entry
	differs := func(action audit.Action, name, was, is string) {
		if was != is {
			entries = append(entries, about(after, action, one(name, was), one(name, is)))
		}
	}
	differs(audit.UserEmailChanged, "email", written(before), written(after))
	differs(audit.UserNameChanged, "name", before.Name, after.Name)
	differs(audit.UserTypeChanged, "type", before.Type, after.Type)
	if before.Locale != "" {
		differs(audit.UserLocaleChanged, "locale", before.Locale, after.Locale)
	}
	entries = append(entries, pendingEntries(before, after)...)
	entries = append(entries, blockEntries(before, after)...)
	entries = append(entries, accessEntries(before, after)...)
	return entries
}

// pendingEntries are about what waits for the person: an invitation, or the proof
// of another mailbox.
func pendingEntries(before, after *store.User) (entries []audit.Entry) {
	if is := after.Invited; is != nil && (before.Invited == nil || !is.At.Equal(before.Invited.At)) {
		entries = append(entries, about(after, audit.UserInvited, nil, one("until", day(is.Until))))
	}
	was, is := before.Moving, after.Moving
	switch {
	case is != nil && (was == nil || !is.At.Equal(was.At)):
		entries = append(entries, about(after, audit.UserEmailAsked, one("email", written(after)), one("email", is.Email)))
	case was != nil && is == nil && after.Email != was.Email:
		entries = append(entries, about(after, audit.UserEmailDropped, one("email", was.Email), nil))
	}
	return entries
}

func blockEntries(before, after *store.User) []audit.Entry {
	was, is := before.Block, after.Block
	switch {
	case was == nil && is == nil, was != nil && is != nil && sameBlock(was, is):
		return nil
	case is == nil:
		return []audit.Entry{about(after, audit.UserUnblocked, blockFields(was), nil)}
	}
	e := about(after, audit.UserBlocked, blockFields(was), one("until", day(is.Until)))
	e.Why = is.Why
	return []audit.Entry{e}
}

func sameBlock(a, b *store.Block) bool {
	return a.By == b.By && a.Why == b.Why && a.At.Equal(b.At) && a.Until.Equal(b.Until)
}

func blockFields(b *store.Block) map[string]string {
	if b == nil {
		return nil
	}
	return filled(map[string]string{"since": day(b.At), "until": day(b.Until), "why": b.Why})
}

// accessEntries are about how a user logs in.
func accessEntries(before, after *store.User) (entries []audit.Entry) {
	add := func(action audit.Action, is map[string]string) {
		entries = append(entries, about(after, action, nil, is))
	}
	switch {
	case before.Password == after.Password:
	case after.Password == "":
		add(audit.UserPasswordRemoved, nil)
	case before.Password == "" || replaced(before, after):
		kind := "generated"
		if after.PasswordChosen {
			kind = "chosen"
		}
		add(audit.UserPasswordSet, one("password", kind))
	}
	switch {
	case !before.SecondStep && after.SecondStep:
		add(audit.UserSecondStepOn, nil)
	case before.SecondStep && !after.SecondStep:
		add(audit.UserSecondStepOff, nil)
	}
	if before.Epoch != after.Epoch {
		add(audit.UserSessionsEnded, nil)
	}
	return entries
}

func about(u *store.User, action audit.Action, before, after map[string]string) audit.Entry {
	return audit.Entry{Action: action, Account: u.Account, User: u.ID, Email: u.Email, Before: before, After: after}
}

func userFields(u *store.User) map[string]string {
	return filled(map[string]string{"email": written(u), "name": u.Name, "type": u.Type})
}

// written is the address as it was given.
func written(u *store.User) string {
	if u.Display != "" {
		return u.Display
	}
	return u.Email
}

// accountEntries do for accounts what userEntries do for users.
func accountEntries(before, after *store.Account) []audit.Entry {
	if before == nil {
		all := accountFields(after)
		maps.Copy(all, stateFields(after))
		all["name"] = after.Name
		return []audit.Entry{{Action: audit.AccountCreated, Account: after.ID, After: filled(all), Why: after.Reason}}
	}
	var entries []audit.Entry
	differs := func(action audit.Action, was, is map[string]string, why string) {
		if was, is = apart(was, is); len(was)+len(is) > 0 {
			entries = append(entries, audit.Entry{Action: action, Account: after.ID, Before: was, After: is, Why: why})
		}
	}
	differs(audit.AccountNameChanged, one("name", before.Name), one("name", after.Name), "")
	differs(audit.AccountStateChanged, stateFields(before), stateFields(after), after.Reason)
	differs(audit.AccountChanged, accountFields(before), accountFields(after), "")
	if before.Epoch != after.Epoch {
		entries = append(entries, audit.Entry{Action: audit.AccountSessionsEnded, Account: after.ID})
	}
	return entries
}

// stateFields are what lets the users of an account in or keeps them out.
func stateFields(a *store.Account) map[string]string {
	return filled(map[string]string{
		"state": a.State, "reason": a.Reason, "trial_until": a.TrialUntil, "blocks_from": a.BlocksFrom,
		"unpaid_invoices": number(a.UnpaidInvoices),
	})
}

// accountFields are the other fields of an account; one that is added to the
// record is added here.
func accountFields(a *store.Account) map[string]string {
	return filled(map[string]string{"pay_url": a.PayURL, "domains": strings.Join(a.Domains, " ")})
}

// apart leaves out of two lists of fields what is the same in both.
func apart(was, is map[string]string) (w, i map[string]string) {
	same := func(name, _ string) bool { return was[name] == is[name] }
	w, i = maps.Clone(was), maps.Clone(is)
	maps.DeleteFunc(w, same)
	maps.DeleteFunc(i, same)
	return w, i
}

func one(name, value string) map[string]string { return filled(map[string]string{name: value}) }

func filled(fields map[string]string) map[string]string {
	maps.DeleteFunc(fields, func(_, v string) bool { return v == "" })
	return fields
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
