package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
)

// Figures about records that the gateway would not take for its own mean nothing.
func TestSeededPeopleAreThoseTheGatewayKnows(t *testing.T) {
	ctx, key, file := t.Context(), "q8Zr1vX0c7Lk2mNp9sTu4wYb6dEf3gHj", filepath.Join(t.TempDir(), "gateway.db")
	p, err := newPeople(ctx, key, perAccount+5, 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.intoBolt(ctx, file); err != nil {
		t.Fatal(err)
	}
	s, err := boltstore.Open(file, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	dir := directory.New(s, directory.Options{})
	if accounts, err := dir.Accounts(ctx, "", 10); err != nil || len(accounts) != 2 {
		t.Errorf("accounts: %d, %v; want 2", len(accounts), err)
	}
	u, err := dir.FindByEmail(ctx, email(perAccount+1))
	if err != nil || u.ID != userID(perAccount+1) {
		t.Fatalf("finding by address: %+v, %v", u, err)
	}
	if again, err := dir.FindByID(ctx, u.ID); err != nil || again.Email != u.Email {
		t.Errorf("finding by id: %+v, %v", again, err)
	}
	keys, err := secret.NewKeys([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	m := session.New(s, dir, session.Settings{
		Limits: session.DefaultLimits(), Rules: dir.Rules(),
		Codec: cookie.NewCodec(cookie.Session, keys.DeriveAll(sessionKeys)),
	}, session.Options{})
	defer m.Close(context.WithoutCancel(ctx))
	for n, c := range p.cookies {
		_, value, _ := strings.Cut(c, "=")
		facts, err := m.Check(ctx, value)
		if err != nil || facts.Cause != cause.None || facts.User.ID() != userID(n) {
			t.Errorf("cookie %d: %+v, %v", n, facts, err)
		}
	}
}
