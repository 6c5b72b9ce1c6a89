package session

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"slices"
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
	text           string // the time of the last proof as the app is told it, then the handle
	manner         unique.Handle[manner]
	limit          uint32 // the absolute one, in unix seconds
	epoch, account int32  // those of user and account, at login; of a session that was ended none
	turn           uint32 // of the session in memory when it was read
}

// manner is what sessions that began in the same way have in common.
type manner struct {
	amr         string // as the app is told
	second      bool   // a second step was passed
	idle        int64  // seconds
	site, scope string // where it counts, see scope.go
}

// ended is an epoch before all others.
const ended = -1

// NewRecord returns what is kept of s.
func NewRecord(s *store.Session) *Record {
	r := record(s)
	return &r
}

func record(s *store.Session) Record {
	r := Record{
		manner: unique.Make(manner{
			amr: ascii(strings.Join(s.Amr, " ")), second: slices.Contains(s.Amr, amrSecond),
			idle: s.Idle, site: SiteOf(s.Site), scope: s.Scope,
		}),
		limit: seconds(s.Created.Add(time.Duration(s.Absolute) * time.Second)),
		epoch: int32(s.Epoch), account: int32(s.AccEpoch), //nolint:gosec // counts of log-outs
		text: fmt.Sprintf("%0*d", timeLength, provedAt(s)) + s.Handle,
	}
	if !s.Ended.IsZero() {
		r.epoch = ended
	}
	return r
}

// seconds is a time as it lies in memory: whole unix seconds, from 1970 to 2106.
func seconds(t time.Time) uint32 {
	return uint32(max(0, min(t.Unix(), math.MaxUint32)))
}

// timeLength is how long a time in unix seconds is, from 2001 to 2286. One that
// begins with a zero is none.
const timeLength = 10

func provedAt(s *store.Session) int64 {
	if at := s.AuthTime.Unix(); at >= 1e9 && at < 1e10 {
		return at
	}
	return 0
}

// Handle is the public name of the session.
func (r *Record) Handle() string { return r.text[timeLength:] }

// authTime is the time of the last proof as the app is told it: unix seconds, or
// nothing where there was none.
func (r *Record) authTime() string {
	if r.text[0] == '0' {
		return ""
	}
	return r.text[:timeLength]
}

// proved is the time of the last proof in unix seconds; zero: there was none.
func (r *Record) proved() int64 {
	at, _ := strconv.ParseInt(r.text[:timeLength], 10, 64)
	return at
}

// end is the absolute limit.
func (r *Record) end() time.Time { return time.Unix(int64(r.limit), 0) }

// idle is after how many seconds without a request the session is over.
func (r *Record) idle() int64 { return r.manner.Value().idle }

// Person is what is kept in memory of a user. Hash and devices are not: no
// request needs them. It never changes.
type Person struct {
	text  string // id, address and name; where odd, both again as the app is told them
	kind  unique.Handle[kind]
	epoch int32
	name  uint16 // where the name begins
	id    uint8  // where the id ends
	odd   bool   // address or name has what no header can carry as it is
}

// kind is what many users have in common; a block few have at all.
type kind struct {
	account, userType, locale string
	groups                    string // userType as the app is told
	second                    bool   // a second step is on
	block                     *store.Block
}

// parting parts the text of an odd person. Nothing in the directory has one.
const parting = "\x00"

// NewPerson returns what is kept of u.
func NewPerson(u *store.User) *Person {
	address, called := strings.ReplaceAll(u.Email, parting, ""), strings.ReplaceAll(u.Name, parting, "")
	p := &Person{
		text: u.ID + address + called, epoch: int32(u.Epoch), //nolint:gosec // a count of log-outs
		kind: unique.Make(kind{u.Account, u.Type, u.Locale, ascii(u.Type), u.SecondStep, u.Block}),
		id:   uint8(len(u.ID)), name: uint16(len(u.ID) + len(address)), //nolint:gosec // package directory bounds both
	}
	if email, name := ascii(address), bounded(called); email != address || name != called {
		p.text += parting + email + parting + name
		p.odd = true
	}
	return p
}

// ID is the stable id of the user.
func (p *Person) ID() string { return p.text[:p.id] }

// Email is their address in its canonical form.
func (p *Person) Email() string { return p.text[p.id:p.name] }

// Name is their name as they write it.
func (p *Person) Name() string {
	if p.odd {
		name, _, _ := strings.Cut(p.text[p.name:], parting)
		return name
	}
	return p.text[p.name:]
}

// Account is the id of their account.
func (p *Person) Account() string { return p.kind.Value().account }

// Type is their user type, as it stands in the store.
func (p *Person) Type() string { return p.kind.Value().userType }

// Locale is their language, empty until their first login.
func (p *Person) Locale() string { return p.kind.Value().locale }

// told returns address and name as the app is told.
func (p *Person) told() (email, name string) {
	if p.odd {
		_, told, _ := strings.Cut(p.text, parting)
		email, name, _ = strings.Cut(told, parting)
		return email, name
	}
	return p.Email(), p.Name()
}

// user is p as far as the rules look.
func (p *Person) user() store.User {
	k := p.kind.Value()
	return store.User{
		ID: p.ID(), Account: k.account, Email: p.Email(), Name: p.Name(), Type: k.userType, SecondStep: k.second, Block: k.block,
	}
}

// key is how a session is found in memory: half a SHA-256 of its cookie, which is
// long and often stands in a header longer still, and so need not be kept.
type key [sha256.Size / 2]byte

func keyOf(name string) key {
	var buf [512]byte // on the stack; more is rare
	sum := sha256.Sum256(append(buf[:0], name...))
	return key(sum[:])
}

func (m *Manager) readPerson(ctx context.Context, l *Live) (*Person, error) {
	id := m.memory.called(l.holder)
	u, err := m.dir.User(ctx, l.holder.account.id, id)
	if err != nil {
		return nil, err
	}
	known := *u
	known.ID = id // whatever a broken record says of itself
	p := NewPerson(&known)
	m.memory.call(l.holder, p)
	return p, nil
}
