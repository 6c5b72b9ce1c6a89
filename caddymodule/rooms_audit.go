package caddymodule

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/cliendo/gateway/caddymodule/person"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// keysFor returns the configured keys, or those of the secret kept in the store.
func (s *settings) keysFor(ctx context.Context, engine store.Engine) (*secret.Keys, error) {
	if s.Keys != nil {
		return s.Keys, nil
	}
	kept, err := secret.Ensure(ctx, engine, "gateway", time.Now())
	if err != nil {
		return nil, err
	}
	keys, err := secret.NewKeys(kept)
	if err != nil {
		return nil, fmt.Errorf("the secret kept in the store: %w", err)
	}
	return keys, nil
}

// keysIn is keysFor, but makes no secret where there is none yet: the store may
// be about to be filled. Without keys nothing is signed.
func (s *settings) keysIn(ctx context.Context, engine store.Reader) (*secret.Keys, error) {
	if s.Keys != nil {
		return s.Keys, nil
	}
	kept, err := store.Secrets.Get(ctx, engine, store.GatewayTag, "gateway")
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil //nolint:nilnil // none is a state, not a fault
	}
	if err != nil {
		return nil, fmt.Errorf("reading the secret kept in the store: %w", err)
	}
	value, err := base64.StdEncoding.DecodeString(kept.Value)
	if err != nil {
		return nil, fmt.Errorf("the secret kept in the store: %w", err)
	}
	return secret.NewKeys(value)
}

// people knows what is kept about one person.
func (r *rooms) people() *person.Keeper {
	return person.New(r.house.engine, person.Options{Directory: r.directory, Limits: r.limits, Audit: r.auditLog()})
}

// keepAudit has the audit logs trimmed and signed as long as these rooms are in
// use. Over a reload the rooms before are still at it: the store says who may.
func (r *rooms) keepAudit() { r.stopAudit = r.auditLog().Start(r.log) }
