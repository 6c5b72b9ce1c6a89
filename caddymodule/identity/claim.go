package identity

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

const (
	// claimGrace is how long a claim without its identity may be work in progress.
	claimGrace = time.Minute
	// writeLimit bounds the time between claim and identity; it must stay well below
	// claimGrace, or one identity could lead to two users.
	writeLimit = claimGrace / 2
	// releaseLimit bounds giving a claim back, which nobody waits for.
	releaseLimit = 5 * time.Second
)

// recordID: a claim is alone under its tag.
const recordID = ""

// errMoved: the claim is no longer what it was when it was looked at.
var errMoved = errors.New("claim changed")

// claimAt returns the claim on tag, nil when there is none.
func (b *Book) claimAt(ctx context.Context, tag string) (*store.Claim, error) {
	c, err := store.Claims.Get(ctx, b.store, tag, recordID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil //nolint:nilnil // none is a state, not a fault
	}
	return c, err
}

// borne returns the identity that a claim speaks of, ErrNone where its user does
// not have it.
func (b *Book) borne(ctx context.Context, c *store.Claim, digested string) (store.LinkedIdentity, error) {
	rec, err := store.Identities.Get(ctx, b.store, store.AccountTag(c.Account), c.User)
	if errors.Is(err, store.ErrNotFound) {
		return store.LinkedIdentity{}, ErrNone
	}
	if err != nil {
		return store.LinkedIdentity{}, err
	}
	i := slices.IndexFunc(rec.Linked, func(l store.LinkedIdentity) bool { return digest(l.Issuer, l.Subject) == digested })
	if i < 0 {
		return store.LinkedIdentity{}, ErrNone
	}
	return rec.Linked[i], nil
}

// claim takes an identity for u and returns what to give back when that was in
// vain. It is ErrTaken when somebody else holds it, or may be about to.
func (b *Book) claim(ctx context.Context, n Named, u *store.User) (*store.Claim, error) {
	tag, owner := store.IdentityTag(n.Digest()), store.Claim{Account: u.Account, User: u.ID}
	for {
		seen, err := b.claimAt(ctx, tag)
		if err != nil {
			return nil, err
		}
		if seen != nil && (seen.Account != u.Account || seen.User != u.ID) {
			if err := b.free(ctx, seen, n.Digest()); err != nil {
				return nil, err
			}
		}
		written, err := b.replace(ctx, tag, seen, &owner)
		if !errors.Is(err, errMoved) {
			return written, err
		}
	}
}

// free is nil when a claim may be taken over: it is old enough that its identity
// cannot be on the way any more, and its user does not have it.
func (b *Book) free(ctx context.Context, c *store.Claim, digested string) error {
	if b.now().Sub(c.At) < claimGrace {
		return ErrTaken
	}
	switch _, err := b.borne(ctx, c, digested); {
	case err == nil:
		return ErrTaken
	case !errors.Is(err, ErrNone):
		return err
	}
	return nil
}

// replace puts next in the place of seen (nil: none), or removes it when next is
// nil. The times of a claim only grow, so equal ones mean that nobody renewed it.
func (b *Book) replace(ctx context.Context, tag string, seen, next *store.Claim) (written *store.Claim, err error) {
	err = b.store.Update(ctx, tag, func(tx store.Tx) error {
		there, err := store.Claims.Read(tx, recordID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if (there == nil) != (seen == nil) || there != nil && (there.User != seen.User || there.Account != seen.Account || !there.At.Equal(seen.At)) {
			return errMoved
		}
		if next == nil {
			return store.Claims.Delete(tx, recordID)
		}
		c := *next
		if c.At = b.now().UTC(); seen != nil && !c.At.After(seen.At) {
			c.At = seen.At.Add(time.Nanosecond)
		}
		written = &c
		return store.Claims.Put(tx, recordID, &c, never)
	})
	return written, err
}

// release gives a claim back. What goes wrong here is mended by whoever meets the
// claim later, so nobody is told.
func (b *Book) release(ctx context.Context, tag string, seen *store.Claim) (done bool) {
	if seen == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseLimit)
	defer cancel()
	_, err := b.replace(ctx, tag, seen, nil)
	return err == nil || errors.Is(err, errMoved)
}

// Tidy gives back the claims on what a user had linked. It comes after every end
// of an identity; what it does not get done is done the next time, and until then
// holds nobody up for longer than a minute.
func (b *Book) Tidy(ctx context.Context, account, user string) {
	rec, err := store.Identities.Get(ctx, b.store, store.AccountTag(account), user)
	if err != nil || len(rec.Ended) == 0 {
		return
	}
	done := slices.DeleteFunc(slices.Clone(rec.Ended), func(d string) bool { return !b.giveBack(ctx, account, user, d) })
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseLimit)
	defer cancel()
	_ = b.store.Update(ctx, store.AccountTag(account), func(tx store.Tx) error {
		now, err := read(tx, user)
		if err != nil {
			return err
		}
		now.Ended = slices.DeleteFunc(now.Ended, func(d string) bool { return slices.Contains(done, d) })
		return write(tx, user, now)
	})
}

// giveBack releases the claim of a user on an identity that they do not have.
func (b *Book) giveBack(ctx context.Context, account, user, digested string) (done bool) {
	tag := store.IdentityTag(digested)
	c, err := b.claimAt(ctx, tag)
	if err != nil {
		return false
	}
	if c == nil || c.Account != account || c.User != user {
		return true
	}
	switch _, err := b.borne(ctx, c, digested); {
	case err == nil: // linked again meanwhile
		return true
	case !errors.Is(err, ErrNone):
		return false
	}
	return b.release(ctx, tag, c)
}
