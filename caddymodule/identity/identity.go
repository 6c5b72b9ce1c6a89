package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrTaken: the identity is linked to somebody else. It says nothing about whom.
	ErrTaken = errors.New("the identity is linked to somebody else")
	// ErrMany: the user has as many as anybody gets.
	ErrMany = errors.New("too many linked identities")
	// ErrLastWay: without it the user could not log in any more.
	ErrLastWay = errors.New("it is the last way in")
	// ErrNone: the user has no such identity.
	ErrNone = errors.New("no such linked identity")
)

// Most is how many identities one user can link.
const Most = 10

// Named is an account with a provider, as the provider named it.
type Named struct {
	Provider        string // the name in the configuration
	Issuer, Subject string
	Email           string // for people to recognise it by
}

// Digest is what an identity is claimed under.
func (n Named) Digest() string { return digest(n.Issuer, n.Subject) }

func digest(issuer, subject string) string {
	// The length keeps two pairs apart whose texts, put together, are the same.
	return secret.Digest(strconv.Itoa(len(issuer)) + " " + issuer + subject)
}

// is tells whether l is this identity.
func (n Named) is(l store.LinkedIdentity) bool { return l.Issuer == n.Issuer && l.Subject == n.Subject }

// Store is where identities lie.
type Store interface {
	store.Reader
	store.Updater
}

// Book knows the linked identities of everybody. It holds no state of its own.
type Book struct {
	store Store
	now   func() time.Time
}

// New returns the Book kept in s; now is the clock, time.Now when nil.
func New(s Store, now func() time.Time) *Book {
	if now == nil {
		now = time.Now
	}
	return &Book{store: s, now: now}
}

// Find returns the user that an identity logs in, and the identity as it is linked.
// ErrNone is nobody's.
func (b *Book) Find(ctx context.Context, n Named) (*store.User, store.LinkedIdentity, error) {
	tag := store.IdentityTag(n.Digest())
	c, err := b.claimAt(ctx, tag)
	if err != nil {
		return nil, store.LinkedIdentity{}, fmt.Errorf("finding an identity: %w", err)
	}
	if c == nil {
		return nil, store.LinkedIdentity{}, ErrNone
	}
	l, err := b.borne(ctx, c, n.Digest())
	if errors.Is(err, ErrNone) && b.now().Sub(c.At) >= claimGrace {
		b.release(ctx, tag, c)
	}
	if err != nil {
		return nil, store.LinkedIdentity{}, finding(err)
	}
	u, err := store.Users.Get(ctx, b.store, store.AccountTag(c.Account), c.User)
	if errors.Is(err, store.ErrNotFound) {
		err = ErrNone
	}
	if err != nil {
		return nil, store.LinkedIdentity{}, finding(err)
	}
	return u, l, nil
}

func finding(err error) error {
	if errors.Is(err, ErrNone) {
		return err
	}
	return fmt.Errorf("finding an identity: %w", err)
}

// List returns the identities of a user, in the order they were linked.
func (b *Book) List(ctx context.Context, account, user string) ([]store.LinkedIdentity, error) {
	rec, err := store.Identities.Get(ctx, b.store, store.AccountTag(account), user)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading linked identities: %w", err)
	}
	return rec.Linked, nil
}

// Used notes that a user logged in with one of their identities, and the address
// it has by now.
func (b *Book) Used(ctx context.Context, u *store.User, id, email string) error {
	err := b.store.Update(ctx, store.AccountTag(u.Account), func(tx store.Tx) error {
		rec, err := read(tx, u.ID)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(rec.Linked, func(l store.LinkedIdentity) bool { return l.ID == id })
		if i < 0 {
			return nil
		}
		rec.Linked[i].LastUsed = b.now().UTC()
		if email != "" {
			rec.Linked[i].Email = email
		}
		return write(tx, u.ID, rec)
	})
	if err != nil {
		return fmt.Errorf("noting the use of an identity: %w", err)
	}
	return nil
}

var never time.Time

// read returns the identities of a user; who has none has an empty record.
func read(tx store.Tx, user string) (*store.LinkedIdentities, error) {
	rec, err := store.Identities.Read(tx, user)
	if errors.Is(err, store.ErrNotFound) {
		return &store.LinkedIdentities{}, nil
	}
	return rec, err
}

func write(tx store.Tx, user string, rec *store.LinkedIdentities) error {
	if len(rec.Linked)+len(rec.Ended) == 0 {
		return store.Identities.Delete(tx, user)
	}
	return store.Identities.Put(tx, user, rec, never)
}

// Masked is an address of which only enough is left for whoever knows it: the
// first letter and the domain.
func Masked(address string) string {
	at := strings.LastIndex(address, "@")
	if at < 1 {
		return ""
	}
	first := ' '
	for _, c := range address[:at] {
		first = c
		break
	}
	return string(first) + "•••" + address[at:]
}
