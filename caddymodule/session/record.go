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

// There may be a hundred thousand sessions in memory, so what is kept of each is
// what a request needs, in as few pieces as can be: one text for all words of its
// own, of which the strings that are asked for are parts, and one memory for
// words that many have in common.

// Record is what is kept in memory of the record of a session. It never changes.
type Record struct {
	text           string // handle, then the time of the last proof as the app is told it
	manner         unique.Handle[manner]
	limit          int64 // the absolute one, in unix nanoseconds
	lastSeen       int64 // unix seconds
	proved         int64 // unix seconds of the last proof; zero: never
	epoch, account int32 // those of user and account, at login
	handle         int32 // how long it is
	ended, second  bool  // second: a second step was passed in it
}

// manner is what sessions that began in the same way have in common.
type manner struct {
	amr         string // as the app is told
	idle        int64  // seconds
	site, scope string // where it counts, see scope.go
}

// NewRecord returns what is kept of s.
func NewRecord(s *store.Session) *Record {
	r := &Record{
		manner: unique.Make(manner{
			amr: ascii(strings.Join(s.Amr, " ")), idle: s.Idle, site: SiteOf(s.Site), scope: s.Scope,
		}),
		limit:    s.Created.Add(time.Duration(s.Absolute) * time.Second).UnixNano(),
		lastSeen: s.LastSeen.Unix(), epoch: int32(s.Epoch), account: int32(s.AccEpoch), //nolint:gosec // counts of log-outs
		text: s.Handle, handle: int32(len(s.Handle)), ended: !s.Ended.IsZero(), //nolint:gosec // no record is that long
	}
	r.prove(s)
	if r.proved != 0 {
		r.text += strconv.FormatInt(r.proved, 10)
	}
	return r
}

// Handle is the public name of the session.
func (r *Record) Handle() string { return r.text[:r.handle] }

// authTime is the time of the last proof as the app is told it: unix seconds.
func (r *Record) authTime() string { return r.text[r.handle:] }

// end is the absolute limit.
func (r *Record) end() time.Time { return time.Unix(0, r.limit) }

// idle is after how many seconds without a request the session is over.
func (r *Record) idle() int64 { return r.manner.Value().idle }

// Person is what is kept in memory of a user. Hash and devices are not: no
// request needs them. It never changes.
type Person struct {
	text     string // id, address and name
	kind     unique.Handle[kind]
	seldom   *seldom // nil for most
	id, name int32   // where the id ends and the name begins
	epoch    int32
	second   bool // a second step is on
}

// kind is what many users have in common.
type kind struct{ account, userType, locale string }

// seldom is what few users have: a block, words that no header can carry as they are.
type seldom struct {
	block       *store.Block
	email, name string // as the app is told
}

// NewPerson returns what is kept of u.
func NewPerson(u *store.User) *Person {
	p := &Person{
		text: u.ID + u.Email + u.Name,
		kind: unique.Make(kind{u.Account, u.Type, u.Locale}),
		id:   int32(len(u.ID)), name: int32(len(u.ID) + len(u.Email)), //nolint:gosec // no record is that long
		epoch: int32(u.Epoch), second: u.SecondStep, //nolint:gosec // a count of log-outs
	}
	if email, name := ascii(u.Email), ascii(u.Name); u.Block != nil || email != u.Email || name != u.Name {
		p.seldom = &seldom{u.Block, email, name}
	}
	return p
}

// ID is the stable id of the user.
func (p *Person) ID() string { return p.text[:p.id] }

// Email is their address in its canonical form.
func (p *Person) Email() string { return p.text[p.id:p.name] }

// Name is their name as they write it.
func (p *Person) Name() string { return p.text[p.name:] }

// Account is the id of their account.
func (p *Person) Account() string { return p.kind.Value().account }

// Type is their user type, as it stands in the store.
func (p *Person) Type() string { return p.kind.Value().userType }

// Locale is their language, empty until their first login.
func (p *Person) Locale() string { return p.kind.Value().locale }

// told returns address and name as the app is told.
func (p *Person) told() (email, name string) {
	if p.seldom != nil {
		return p.seldom.email, p.seldom.name
	}
	return p.Email(), p.Name()
}

// user is p as far as the rules look.
func (p *Person) user() store.User {
	u := store.User{ID: p.ID(), Account: p.Account(), Email: p.Email(), Name: p.Name(), Type: p.Type(), SecondStep: p.second}
	if p.seldom != nil {
		u.Block = p.seldom.block
	}
	return u
}

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
