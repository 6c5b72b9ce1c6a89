package secret

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// Ensure returns the secret kept in the store under name and makes one first
// where there is none. Nodes that start together agree on one.
func Ensure(ctx context.Context, s store.Updater, name string, now time.Time) ([]byte, error) {
	fresh := make([]byte, MinLength)
	_, _ = rand.Read(fresh)
	var kept string
	err := s.Update(ctx, store.GatewayTag, func(tx store.Tx) error {
		have, err := store.Secrets.Read(tx, name)
		if err == nil {
			kept = have.Value
			return nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		kept = base64.StdEncoding.EncodeToString(fresh)
		return store.Secrets.Put(tx, name, &store.Secret{Value: kept, Created: now}, time.Time{})
	})
	if err != nil {
		return nil, fmt.Errorf("reading the secret kept in the store: %w", err)
	}
	value, err := base64.StdEncoding.DecodeString(kept)
	if err != nil {
		return nil, fmt.Errorf("reading the secret kept in the store: %w", err)
	}
	return value, nil
}
