package roster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unique"

	"golang.org/x/text/unicode/norm"

	"github.com/cliendo/gateway/caddymodule/store"
)

// person is one user, as little of them as the overview needs: there may be a
// hundred thousand.
type person struct {
	id, email, name string
	folded          string // name and address, as they are searched
	typ             string
	block           *store.Block
	last            int64 // unix seconds of the last login; 0: never
	created         int64
	flags           flags
}

type flags uint8

const (
	secondStep flags = 1 << iota
	noPassword
	invited
)

// list is the users of one account.
type list struct {
	account string
	size    atomic.Int64
	looked  time.Time // under Roster.mu

	turn   chan struct{} // held by whoever reads or changes what follows
	made   bool
	people []*person
	byID   map[string]int // place in people
	logins time.Time      // when the last logins were read

	mu    sync.Mutex
	all   bool                // everything has to be read again
	dirty map[string]struct{} // these have
}

// tooDirty is how many changed users are read one by one; for more, as an import
// makes them, the list is made anew.
const tooDirty = 1000

// stale notes that a user changed.
func (l *list) stale(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dirty == nil {
		l.dirty = map[string]struct{}{}
	}
	l.dirty[id] = struct{}{}
	if len(l.dirty) > tooDirty {
		l.all, l.dirty = true, nil
	}
}

// forget notes that nobody knows what changed.
func (l *list) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all, l.dirty = true, nil
}

// due takes what has to be read again.
func (l *list) due() (all bool, ids map[string]struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all, ids = l.all || !l.made, l.dirty
	l.all, l.dirty = false, nil
	return all, ids
}

// use runs fn on the list as the store has it now. One at a time: who comes while
// the list is made waits for it instead of making another.
func (l *list) use(ctx context.Context, r *Roster, fn func(*list) error) error {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := l.refresh(ctx, r); err != nil {
		l.forget() // what was due is not known any more
		return err
	}
	return fn(l)
}

func (l *list) refresh(ctx context.Context, r *Roster) error {
	all, ids := l.due()
	if all {
		return l.make(ctx, r)
	}
	for id := range ids {
		u, err := store.Users.Get(ctx, r.store, store.AccountTag(l.account), id)
		if errors.Is(err, store.ErrNotFound) {
			l.remove(id)
			continue
		}
		if err != nil {
			return fmt.Errorf("reading a user of the overview: %w", err)
		}
		l.put(newPerson(u))
	}
	l.size.Store(int64(len(l.people)))
	return nil
}

// pageful is how many records are read at once.
const pageful = 2000

// make reads the whole account. What changes meanwhile is noted, and read at the
// next look.
func (l *list) make(ctx context.Context, r *Roster) error {
	l.made, l.people, l.byID = false, nil, map[string]int{}
	tag := store.AccountTag(l.account)
	for after := ""; ; {
		items, err := store.Users.Scan(ctx, r.store, tag, "", after, pageful)
		if err != nil {
			return fmt.Errorf("reading the users of the overview: %w", err)
		}
		for _, item := range items {
			l.put(newPerson(item.Value))
			after = item.ID
		}
		if len(items) < pageful {
			break
		}
	}
	l.made = true
	l.size.Store(int64(len(l.people)))
	return l.readLogins(ctx, r)
}

// readLogins reads when everybody last logged in.
func (l *list) readLogins(ctx context.Context, r *Roster) error {
	for after := ""; ; {
		items, err := store.Logins.Scan(ctx, r.store, store.AccountTag(l.account), "", after, pageful)
		if err != nil {
			return fmt.Errorf("reading the last logins of the overview: %w", err)
		}
		for _, item := range items {
			if at, ok := l.byID[item.ID]; ok {
				l.people[at].last = item.Value.At.Unix()
			}
			after = item.ID
		}
		if len(items) < pageful {
			l.logins = r.o.Now()
			return nil
		}
	}
}

func (l *list) put(p *person) {
	if at, ok := l.byID[p.id]; ok {
		p.last = l.people[at].last
		l.people[at] = p
		return
	}
	l.byID[p.id] = len(l.people)
	l.people = append(l.people, p)
}

func (l *list) remove(id string) {
	at, ok := l.byID[id]
	if !ok {
		return
	}
	last := len(l.people) - 1
	l.people[at] = l.people[last]
	l.byID[l.people[at].id] = at
	l.people = l.people[:last]
	delete(l.byID, id)
}

func newPerson(u *store.User) *person {
	p := &person{
		id: u.ID, email: u.Email, name: u.Name, typ: unique.Make(u.Type).Value(), block: u.Block,
		folded: Fold(u.Name) + "\n" + Fold(u.Email), created: u.Created.Unix(),
	}
	if u.SecondStep {
		p.flags |= secondStep
	}
	if u.Password == "" {
		p.flags |= noPassword
	}
	if u.Invited != nil {
		p.flags |= invited
	}
	return p
}

// Fold is a text as it is searched: small letters without accents, so that celik
// finds Çelik.
func Fold(s string) string {
	plain := true
	for i := range len(s) {
		if s[i] >= 0x80 {
			plain = false
			break
		}
	}
	if plain {
		return strings.ToLower(s)
	}
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(s))
}
