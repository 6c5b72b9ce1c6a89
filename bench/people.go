package main

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
	"github.com/cliendo/gateway/caddymodule/store/redisstore"
)

const (
	perAccount   = 100  // users of one account
	fewUsers     = 2000 // of the rows that are not about numbers
	fewSessions  = 512  // that the load is spread over
	writersBolt  = 1000 // what one commit of bbolt takes together
	writersRedis = 64
)

// people are seeded users, each with a session, all with one password.
type people struct {
	users    int
	sessions int // how many cookies are kept
	password string
	hash     string
	mint     *mint
	at       time.Time
	made     []*group // kept where several stores are to open to one cookie

	mu      sync.Mutex
	cookies []string
}

// everybody returns the people of the small stores.
func (b *bench) everybody(ctx context.Context) (*people, error) {
	if b.people != nil {
		return b.people, nil
	}
	p, err := newPeople(ctx, b.secret, fewUsers, fewSessions)
	if err != nil {
		return nil, err
	}
	for n := range fewUsers / perAccount {
		g, err := p.account(ctx, n)
		if err != nil {
			return nil, err
		}
		p.made = append(p.made, g)
	}
	b.people = p
	return p, nil
}

func newPeople(ctx context.Context, key string, users, sessions int) (*people, error) {
	p := &people{
		users: users, sessions: sessions, password: secret.Password(), at: time.Now().UTC(),
		cookies: make([]string, sessions),
	}
	var err error
	if p.hash, err = passhash.New(passhash.Options{}).Hash(ctx, p.password); err != nil {
		return nil, err
	}
	keys, err := secret.NewKeys([]byte(key))
	if err != nil {
		return nil, err
	}
	p.mint = newMint(keys)
	return p, nil
}

// email is the address of the n-th user.
func email(n int) string { return fmt.Sprintf("user-%06d@bench.test", n) }

// userID looks like a real one, in no order, and is the same in every run.
func userID(n int) string {
	sum := sha256.Sum256(fmt.Append(nil, "user ", n))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
}

func accountID(n int) string { return fmt.Sprintf("bench-%05d", n) }

// group is one account with all that belongs to it.
type group struct {
	account  *store.Account
	users    []*store.User
	sessions []minted
}

// account makes the n-th account, and new sessions for its users.
func (p *people) account(ctx context.Context, n int) (*group, error) {
	if n < len(p.made) {
		return p.made[n], nil
	}
	g := &group{account: &store.Account{
		ID: accountID(n), Name: fmt.Sprintf("Praktijk %d", n), State: directory.Active, Since: p.at, Created: p.at,
	}}
	for i := n * perAccount; i < min((n+1)*perAccount, p.users); i++ {
		u := &store.User{
			ID: userID(i), Account: g.account.ID, Email: email(i), Name: fmt.Sprintf("Gebruiker %d", i), Type: "teammate",
			Locale: "nl", Created: p.at, Password: p.hash, PasswordChanged: p.at,
		}
		m, err := p.mint.session(ctx, g.account, u)
		if err != nil {
			return nil, err
		}
		g.users, g.sessions = append(g.users, u), append(g.sessions, m)
		p.keep(i, m.cookie)
	}
	return g, nil
}

func (p *people) keep(n int, value string) {
	if n < p.sessions {
		p.mu.Lock()
		p.cookies[n] = value
		p.mu.Unlock()
	}
}

func (p *people) intoBolt(ctx context.Context, file string) error {
	s, err := boltstore.Open(file, store.Options{})
	if err != nil {
		return err
	}
	return errors.Join(p.into(ctx, s, writersBolt), s.Close())
}

func (p *people) intoRedis(ctx context.Context, url string) error {
	s, err := redisstore.Open(url, store.Options{})
	if err != nil {
		return err
	}
	return errors.Join(p.into(ctx, s, writersRedis), s.Close())
}

// into writes the people as the directory and the sessions would, but many at
// once and in the order of the keys, which a million of them need.
func (p *people) into(ctx context.Context, s store.Updater, writers int) error {
	accounts := (p.users + perAccount - 1) / perAccount
	if err := p.writeRoll(ctx, s, accounts); err != nil {
		return fmt.Errorf("seeding the roll: %w", err)
	}
	// An account is as large as a hundred claims.
	err := parallel(ctx, max(writers/20, 8), accounts, func(ctx context.Context, n int) error {
		g, err := p.account(ctx, n)
		if err != nil {
			return err
		}
		return s.Update(ctx, store.AccountTag(g.account.ID), g.write)
	})
	if err != nil {
		return fmt.Errorf("seeding accounts: %w", err)
	}
	if err := p.writeClaims(ctx, s, writers, func(n int) string { return store.EmailTag(email(n)) }); err != nil {
		return fmt.Errorf("seeding addresses: %w", err)
	}
	if err := p.writeClaims(ctx, s, writers, func(n int) string { return store.UserTag(userID(n)) }); err != nil {
		return fmt.Errorf("seeding ids: %w", err)
	}
	return nil
}

func (g *group) write(tx store.Tx) error {
	if err := store.Accounts.Put(tx, g.account.ID, g.account, time.Time{}); err != nil {
		return err
	}
	for _, u := range g.users {
		if err := store.Users.Put(tx, u.ID, u, time.Time{}); err != nil {
			return err
		}
	}
	for _, m := range g.sessions {
		if err := tx.Put(store.Sessions.Kind, m.id, m.value, m.expires); err != nil {
			return err
		}
	}
	return nil
}

func (p *people) writeRoll(ctx context.Context, s store.Updater, accounts int) error {
	const together = 1000
	for from := 0; from < accounts; from += together {
		err := s.Update(ctx, store.DirectoryTag, func(tx store.Tx) error {
			for n := from; n < min(from+together, accounts); n++ {
				if err := store.Roll.Put(tx, accountID(n), &store.RollEntry{Created: p.at}, time.Time{}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *people) writeClaims(ctx context.Context, s store.Updater, writers int, tag func(n int) string) error {
	order := make([]int, p.users)
	tags := make([]string, p.users)
	for n := range order {
		order[n], tags[n] = n, tag(n)
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(tags[a], tags[b]) })
	return parallel(ctx, writers, p.users, func(ctx context.Context, i int) error {
		n := order[i]
		claim := store.Claim{Account: accountID(n / perAccount), User: userID(n), At: p.at}
		return s.Update(ctx, tags[n], func(tx store.Tx) error { return store.Claims.Put(tx, "", &claim, time.Time{}) })
	})
}
