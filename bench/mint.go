package main

import (
	"context"
	"errors"
	"time"

	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
)

// sessionKeys is the purpose under which the gateway derives the keys of session
// cookies.
const sessionKeys = "session cookie"

// mint makes sessions by the code that makes them at a login, and keeps what that
// writes instead of storing it, so that a million can be written in large steps.
type mint struct{ manager *session.Manager }

// minted is a session as it lies in the store, and the cookie that opens it.
type minted struct {
	cookie  string
	id      string
	value   []byte
	expires time.Time
}

func newMint(keys *secret.Keys) *mint {
	settings := session.Settings{
		Limits: session.DefaultLimits(),
		Codec:  cookie.NewCodec(cookie.Session, keys.DeriveAll(sessionKeys)),
	}
	return &mint{session.New(mintStore{}, nil, settings, session.Options{})}
}

// session begins a session that lasts for weeks: seeded files are kept.
func (m *mint) session(ctx context.Context, a *store.Account, u *store.User) (minted, error) {
	tx := &mintTx{account: a, user: u}
	started, err := m.manager.Start(context.WithValue(ctx, mintKey{}, tx), session.Login{
		User: u, Amr: []string{"pwd"}, Remember: true, Agent: "Firefox, Linux", Network: "198.51.100.7",
	})
	if err != nil {
		return minted{}, err
	}
	tx.made.cookie = cookie.Name(cookie.Session, cookie.Form{}) + "=" + started.Cookie
	return tx.made, nil
}

type mintKey struct{}

// mintStore runs updates on the mintTx in their context.
type mintStore struct{}

func (mintStore) Get(context.Context, store.Key) ([]byte, error) { return nil, store.ErrNotFound }

func (mintStore) Scan(context.Context, string, store.Kind, string, string, int) ([]store.Entry, error) {
	return nil, nil
}

func (mintStore) Update(ctx context.Context, _ string, fn func(store.Tx) error) error {
	tx, ok := ctx.Value(mintKey{}).(*mintTx)
	if !ok {
		return errors.New("minting only")
	}
	return fn(tx)
}

func (mintStore) Watch(func(store.Change)) (stop func()) { return func() {} }
func (mintStore) InSync() time.Time                      { return time.Now() }

// mintTx knows one user and their account, and takes one session.
type mintTx struct {
	account *store.Account
	user    *store.User
	made    minted
}

func (t *mintTx) Get(kind store.Kind, _ string) ([]byte, error) {
	switch kind {
	case store.Users.Kind:
		return store.Users.Encode(t.user)
	case store.Accounts.Kind:
		return store.Accounts.Encode(t.account)
	}
	return nil, store.ErrNotFound
}

func (t *mintTx) Put(_ store.Kind, id string, value []byte, expires time.Time) error {
	t.made = minted{id: id, value: value, expires: expires}
	return nil
}

func (t *mintTx) Delete(store.Kind, string) error { return nil }
func (t *mintTx) Announce(store.Kind, string)     {}
