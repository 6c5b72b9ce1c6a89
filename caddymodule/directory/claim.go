package directory

import (
	"context"
	"errors"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// recordID: a claim is alone under its tag.
const recordID = ""

var never time.Time

// claim takes tag for an owner and returns what to release when that was in vain:
// nil when it was theirs before. It is ErrTaken when somebody holds it, or may be
// about to: a claim without its user is respected for claimGrace. own says
// whether the owner may hold it already; it is renewed then, lest somebody who
// looked at it before releases it.
func (d *Directory) claim(ctx context.Context, tag string, owner store.Claim, own bool) (*store.Claim, error) {
	for {
		seen, err := d.claimAt(ctx, tag)
		if err != nil {
			return nil, err
		}
		renewed := own && seen != nil && sameOwner(*seen, owner)
		if seen != nil && !renewed {
			if err := d.free(ctx, tag, seen, owner); err != nil {
				return nil, err
			}
		}
		if renewed { // held on, should it come to nothing
			owner.Held, owner.HeldAll = seen.Held, seen.HeldAll
		}
		written, err := d.replaceClaim(ctx, tag, seen, &owner)
		if renewed {
			written = nil
		}
		if !errors.Is(err, errMoved) {
			return written, err
		}
	}
}

// errMoved: the claim is no longer what it was when it was looked at.
var errMoved = errors.New("claim changed")

func sameOwner(a, b store.Claim) bool { return a.Account == b.Account && a.User == b.User }

// claimAt returns the claim on tag, nil when there is none.
func (d *Directory) claimAt(ctx context.Context, tag string) (*store.Claim, error) {
	c, err := store.Claims.Get(ctx, d.store, tag, recordID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return c, err
}

// replaceClaim puts next in the place of seen (nil: none), or removes it when
// next is nil. It is errMoved when something else stands there by now. The times
// of a claim only grow, so equal ones mean nobody renewed it in between.
func (d *Directory) replaceClaim(ctx context.Context, tag string, seen, next *store.Claim) (*store.Claim, error) {
	var written *store.Claim
	err := d.store.Update(ctx, tag, func(tx store.Tx) error {
		there, err := store.Claims.Read(tx, recordID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if (there == nil) != (seen == nil) || there != nil && (!sameOwner(*there, *seen) || !there.At.Equal(seen.At)) {
			return errMoved
		}
		if next == nil {
			return store.Claims.Delete(tx, recordID)
		}
		c := *next
		if c.At = d.now().UTC(); seen != nil && !c.At.After(seen.At) {
			c.At = seen.At.Add(time.Nanosecond)
		}
		written = &c
		return store.Claims.Put(tx, recordID, &c, never)
	})
	return written, err
}

// free is nil when a claim may be taken over: it is old enough that its user
// cannot be on the way any more, no user bears what it claims, and it is not held
// for who had it.
func (d *Directory) free(ctx context.Context, tag string, c *store.Claim, next store.Claim) error {
	if d.now().Sub(c.At) < claimGrace {
		return ErrTaken
	}
	if held, err := d.held(ctx, c, next); err != nil || held {
		return errors.Join(err, taken(held))
	}
	switch _, err := d.bearer(ctx, tag, c); {
	case err == nil:
		return ErrTaken
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	return nil
}

// bearer returns the user a claim speaks of, or store.ErrNotFound when there is
// none or they bear another address by now.
func (d *Directory) bearer(ctx context.Context, tag string, c *store.Claim) (*store.User, error) {
	u, err := store.Users.Get(ctx, d.store, store.AccountTag(c.Account), c.User)
	if err != nil {
		return nil, err
	}
	if tag != store.EmailTag(u.Email) && tag != store.UserTag(u.ID) {
		return nil, store.ErrNotFound
	}
	return u, nil
}

// release gives back a claim that was read or written before its user was
// changed. What goes wrong here is mended by whoever meets the claim later, so
// nobody is told.
func (d *Directory) release(ctx context.Context, tag string, seen *store.Claim) {
	if seen == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_, _ = d.replaceClaim(ctx, tag, seen, nil)
}

// follow returns the user a claim leads to, or store.ErrNotFound. A claim that
// a crash left behind is removed on the way.
func (d *Directory) follow(ctx context.Context, tag string) (*store.User, error) {
	c, err := d.claimAt(ctx, tag)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, store.ErrNotFound
	}
	u, err := d.bearer(ctx, tag, c)
	if errors.Is(err, store.ErrNotFound) && d.now().Sub(c.At) >= claimGrace && !d.now().Before(c.Held) {
		d.release(ctx, tag, c)
	}
	return u, err
}
