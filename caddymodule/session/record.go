package session

import (
	"context"
	"crypto/sha256"
	"strconv"
	"strings"
	"time"
	"unique"

	"github.com/cliendo/gateway/caddymodule/store"
)

// Record is what is kept in memory of the record of a session: what a request
// needs, because there may be a hundred thousand of them.
type Record struct {
	Handle string // public

	amr, authTime      string // as the app is told
	created            int64  // unix nanoseconds
	lastSeen           int64  // unix seconds
	idle, absolute     int64  // seconds
	epoch, accountTurn int    // of user and account, at login
	ended, second      bool   // second: a second step was passed in it
	proved             int64  // unix seconds of the last proof; zero: never
	site, scope        string // where it counts, see scope.go
}

// NewRecord returns what is kept of s.
func NewRecord(s *store.Session) *Record {
	r := &Record{
		Handle: s.Handle, amr: shared(ascii(strings.Join(s.Amr, " "))),
		created: s.Created.UnixNano(), lastSeen: s.LastSeen.Unix(), idle: s.Idle, absolute: s.Absolute,
		epoch: s.Epoch, accountTurn: s.AccEpoch, ended: !s.Ended.IsZero(),
	}
	r.prove(s)
	r.site, r.scope = shared(SiteOf(s.Site)), shared(s.Scope)
	if !s.AuthTime.IsZero() {
		r.authTime = strconv.FormatInt(s.AuthTime.Unix(), 10)
	}
	return r
}

// end is the absolute limit.
func (r *Record) end() time.Time {
	return time.Unix(0, r.created).Add(time.Duration(r.absolute) * time.Second)
}

// Person is what is kept in memory of a user. Hash and devices are not: no
// request needs them.
type Person struct {
	ID, Account, Email, Name, Type, Locale string

	email, name string // as the app is told
	block       *store.Block
	epoch       int
	second      bool // a second step is on
}

// NewPerson returns what is kept of u.
func NewPerson(u *store.User) *Person {
	return &Person{
		ID: u.ID, Account: shared(u.Account), Email: u.Email, Name: u.Name, Type: shared(u.Type), Locale: shared(u.Locale),
		email: ascii(u.Email), name: ascii(u.Name), block: u.Block, epoch: u.Epoch, second: u.SecondStep,
	}
}

// user is p as far as the rules look.
func (p *Person) user() store.User {
	return store.User{ID: p.ID, Account: p.Account, Email: p.Email, Name: p.Name, Type: p.Type, Block: p.block, SecondStep: p.second}
}

// shared returns s in a memory that all who have the same text use.
func shared(s string) string { return unique.Make(s).Value() }

// key is how sessions, users and accounts are found in memory: half a SHA-256 of
// what names them, so that a cookie, which is long and often stands in a header
// longer still, need not be kept.
type key [sha256.Size / 2]byte

func keyOf(name string) key {
	var buf [512]byte // on the stack; more is rare
	sum := sha256.Sum256(append(buf[:0], name...))
	return key(sum[:])
}

// within names a session or user of an account.
func within(account, id string) key { return keyOf(account + "\x00" + id) }

func (m *Manager) readRecord(ctx context.Context, account, id string) (*Record, error) {
	s, err := store.Sessions.Get(ctx, m.store, store.AccountTag(account), id)
	if err != nil {
		return nil, err
	}
	return NewRecord(s), nil
}

func (m *Manager) readPerson(ctx context.Context, account, id string) (*Person, error) {
	u, err := m.dir.User(ctx, account, id)
	if err != nil {
		return nil, err
	}
	return NewPerson(u), nil
}
