package apikey

import (
	"context"
	"crypto/subtle"
	"log/slog"

	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// From says where a key was shown.
type From struct {
	Network string // as limit.Network writes it
	Agent   string
}

// Open returns the key that was shown, ErrWrong, *Refused, or another error when
// nobody knows. What a wrong key looks like is kept nowhere.
func (b *Book) Open(ctx context.Context, shown string, from From) (*store.APIKey, error) {
	id, formed := parse(shown)
	now := b.o.Now()
	if err := b.wrong.refused(from.Network, id, now); err != nil {
		return nil, err
	}
	all, err := b.all(ctx)
	if err != nil {
		return nil, wrap("looking at a key", err)
	}
	key := all[id]
	if !formed || key == nil || subtle.ConstantTimeCompare([]byte(key.Digest), []byte(secret.Digest(shown))) != 1 {
		b.wrong.count(from.Network, now)
		b.o.Log.Warn("wrong API key", slog.String("network", from.Network))
		return nil, ErrWrong
	}
	b.wrong.right(from.Network, id)
	b.note(id, store.APIKeyUse{At: now.UTC(), Network: from.Network, Agent: from.Agent})
	return key, nil
}
