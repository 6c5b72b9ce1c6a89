package testkit

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Keys are made for one test.
func Keys(t testing.TB) *secret.Keys {
	t.Helper()
	keys, err := secret.NewKeys([]byte(secret.Token()))
	Must(t, err)
	return keys
}

// Box seals for a purpose.
func Box(t testing.TB, keys *secret.Keys, purpose string) *secret.Box {
	t.Helper()
	box, err := keys.NewBox(purpose)
	Must(t, err)
	return box
}

// Sealed makes and reads the cookie of a name, with the same key in all tests.
func Sealed(base string) *cookie.Sealed {
	keys, err := secret.NewKeys([]byte("k3Yv9QeLz7Rm2Xw8Tn5Bc1Hd6Jf4Gs0Pa"))
	if err != nil {
		panic(err)
	}
	box, err := keys.NewBox(base)
	if err != nil {
		panic(err)
	}
	return cookie.NewSealed(base, box)
}

// Must ends a test that cannot go on.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Hasher is quick: the hash of x is "hash of x". It counts.
type Hasher struct{ Computed, Compared atomic.Int64 }

// Hash makes a hash.
func (h *Hasher) Hash(_ context.Context, password string) (string, error) {
	h.Computed.Add(1)
	return "hash of " + password, nil
}

// Full is never true.
func (h *Hasher) Full(passhash.Place) bool { return false }

// Verify compares.
func (h *Hasher) Verify(_ context.Context, encoded, password string, _ passhash.Place) (passhash.Result, error) {
	h.Compared.Add(1)
	return passhash.Result{OK: encoded != "" && encoded == "hash of "+password}, nil
}

// Post is an outbox whose letters can be read.
type Post struct {
	*outbox.Outbox
	mu    sync.Mutex
	mails []outbox.Draft
}

// Send queues a letter, and keeps it.
func (p *Post) Send(ctx context.Context, d outbox.Draft, with func(store.Tx) error) error {
	return p.SendAll(ctx, []outbox.Draft{d}, with)
}

// SendAll queues letters, and keeps them.
func (p *Post) SendAll(ctx context.Context, drafts []outbox.Draft, with func(store.Tx) error) error {
	if err := p.Outbox.SendAll(ctx, drafts, with); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mails = append(p.mails, drafts...)
	return nil
}

// Take returns the letters since the last time.
func (p *Post) Take() []outbox.Draft {
	p.mu.Lock()
	defer p.mu.Unlock()
	mails := p.mails
	p.mails = nil
	return mails
}
