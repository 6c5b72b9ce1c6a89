package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Step is part of an Update of the tag of u's account: what else belongs to it is
// written in the same one. It may run more than once.
type Step func(ctx context.Context, tx store.Tx, u *store.User) error

// Link makes n log in u. session is the handle of the one it is done in. write runs
// the step it is given, with what else is to be written, in an Update. Whoever has
// it linked already gets no second one, and no error.
func (b *Book) Link(ctx context.Context, u *store.User, n Named, session string, write func(context.Context, Step) error) error {
	ctx, cancel := context.WithTimeout(ctx, writeLimit)
	defer cancel()
	claimed, err := b.claim(ctx, n, u)
	if err != nil {
		return linking(err)
	}
	late := b.now().Add(writeLimit)
	err = write(ctx, func(ctx context.Context, tx store.Tx, u *store.User) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if b.now().After(late) {
			return context.DeadlineExceeded // another may be about to take the claim
		}
		return b.add(ctx, tx, u, n, session)
	})
	if err != nil && nothingWritten(err) && !b.has(ctx, u, n) {
		b.release(ctx, store.IdentityTag(n.Digest()), claimed)
	}
	if err == nil {
		err = b.keep(ctx, u, n)
	}
	return linking(err)
}

// keep claims anew what was just linked, where the end of the same identity in
// another tab gave the claim back meanwhile.
func (b *Book) keep(ctx context.Context, u *store.User, n Named) error {
	c, err := b.claimAt(ctx, store.IdentityTag(n.Digest()))
	if err != nil || c != nil && c.Account == u.Account && c.User == u.ID {
		return err
	}
	_, err = b.claim(ctx, n, u)
	return err
}

func linking(err error) error {
	if err == nil || errors.Is(err, ErrTaken) || errors.Is(err, ErrMany) {
		return err
	}
	return fmt.Errorf("linking an identity: %w", err)
}

// nothingWritten is true for errors after which the identity is surely not there.
// After others, as a lost connection, it may be, and the claim must stay.
func nothingWritten(err error) bool {
	for _, sure := range []error{ErrMany, store.ErrNotFound, store.ErrConflict} {
		if errors.Is(err, sure) {
			return true
		}
	}
	return false
}

// has is true unless u surely does not have n: another tab may just have linked it.
func (b *Book) has(ctx context.Context, u *store.User, n Named) bool {
	linked, err := b.List(context.WithoutCancel(ctx), u.Account, u.ID)
	return err != nil || slices.ContainsFunc(linked, n.is)
}

func (b *Book) add(ctx context.Context, tx store.Tx, u *store.User, n Named, session string) error {
	rec, err := read(tx, u.ID)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(rec.Linked, n.is) {
		return nil
	}
	if len(rec.Linked) >= Most {
		return ErrMany
	}
	now := b.now().UTC()
	l := store.LinkedIdentity{
		ID: secret.ID(), Provider: n.Provider, Issuer: n.Issuer, Subject: n.Subject, Email: n.Email, Linked: now, Session: session,
	}
	rec.Linked = append(rec.Linked, l)
	rec.Ended = slices.DeleteFunc(rec.Ended, func(d string) bool { return d == n.Digest() })
	if err := note(ctx, tx, audit.UserIdentityLinked, u, l, now); err != nil {
		return err
	}
	return write(tx, u.ID, rec)
}

// note writes the line of the audit log.
func note(ctx context.Context, tx store.Tx, action audit.Action, u *store.User, l store.LinkedIdentity, now time.Time) error {
	about := map[string]string{"provider": l.Provider}
	if masked := Masked(l.Email); masked != "" {
		about["email"] = masked
	}
	e := audit.Entry{Action: action, Account: u.Account, User: u.ID, Email: u.Email}
	if e.After = about; action == audit.UserIdentityUnlinked {
		e.Before, e.After = about, nil
	}
	return audit.Append(ctx, tx, e, now)
}

// Left tells whether u would still get in with so many identities, in the Update
// at hand: what the other ways in are is known elsewhere.
type Left func(tx store.Tx, u *store.User, linked int) (enough bool, err error)

// Unlink takes an identity away, in an Update of the account's tag. It is ErrNone
// when u has no such one, and ErrLastWay when what is left would not let them in.
// Tidy comes after the Update.
func Unlink(ctx context.Context, tx store.Tx, u *store.User, id string, left Left, now time.Time) (gone store.LinkedIdentity, err error) {
	rec, err := read(tx, u.ID)
	if err != nil {
		return gone, err
	}
	i := slices.IndexFunc(rec.Linked, func(l store.LinkedIdentity) bool { return l.ID == id })
	if i < 0 {
		return gone, ErrNone
	}
	gone = rec.Linked[i]
	switch enough, err := left(tx, u, len(rec.Linked)-1); {
	case err != nil:
		return gone, err
	case !enough:
		return gone, ErrLastWay
	}
	_, err = end(ctx, tx, u, rec, now, func(l store.LinkedIdentity) bool { return l.ID == id })
	return gone, err
}

// EndAll takes all identities of u away, in an Update of the account's tag: what
// happens when somebody else gives them a new password. It returns what they had.
func EndAll(ctx context.Context, tx store.Tx, u *store.User, now time.Time) ([]store.LinkedIdentity, error) {
	return endIn(ctx, tx, u, now, func(store.LinkedIdentity) bool { return true })
}

// EndSince takes away those that were linked since a moment: what happens when a
// person says that it was not them who logged in then.
func EndSince(ctx context.Context, tx store.Tx, u *store.User, since, now time.Time) ([]store.LinkedIdentity, error) {
	return endIn(ctx, tx, u, now, func(l store.LinkedIdentity) bool { return !l.Linked.Before(since) })
}

func endIn(ctx context.Context, tx store.Tx, u *store.User, now time.Time, which func(store.LinkedIdentity) bool) ([]store.LinkedIdentity, error) {
	rec, err := read(tx, u.ID)
	if err != nil || len(rec.Linked) == 0 {
		return nil, err
	}
	return end(ctx, tx, u, rec, now, which)
}

func end(ctx context.Context, tx store.Tx, u *store.User, rec *store.LinkedIdentities, now time.Time, which func(store.LinkedIdentity) bool) (ended []store.LinkedIdentity, err error) {
	var kept []store.LinkedIdentity
	for _, l := range rec.Linked {
		if !which(l) {
			kept = append(kept, l)
			continue
		}
		ended = append(ended, l)
		rec.Ended = append(rec.Ended, digest(l.Issuer, l.Subject))
		if err := note(ctx, tx, audit.UserIdentityUnlinked, u, l, now); err != nil {
			return nil, err
		}
	}
	if len(ended) == 0 {
		return nil, nil
	}
	rec.Linked = kept
	return ended, write(tx, u.ID, rec)
}

// Remove drops the record of a user who goes, in the Update that removes them, and
// returns the digests of the claims to give back with Forget.
func Remove(tx store.Tx, user string) (digests []string, err error) {
	rec, err := read(tx, user)
	if err != nil {
		return nil, err
	}
	digests = rec.Ended
	for _, l := range rec.Linked {
		digests = append(digests, digest(l.Issuer, l.Subject))
	}
	return digests, store.Identities.Delete(tx, user)
}

// Forget gives back claims of a user who is gone.
func (b *Book) Forget(ctx context.Context, account, user string, digests []string) {
	for _, d := range digests {
		b.giveBack(ctx, account, user, d)
	}
}
