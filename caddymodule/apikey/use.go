package apikey

import (
	"context"
	"maps"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

const (
	// useDelay is how long uses are gathered before the last of each key is written.
	useDelay = 30 * time.Second
	// writeTime bounds that write.
	writeTime = 10 * time.Second
)

// note remembers that a key was used.
func (b *Book) note(id string, use store.APIKeyUse) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used[id] = use
	if b.timer == nil && !b.closed {
		b.timers.Add(1)
		b.timer = time.AfterFunc(useDelay, func() {
			defer b.timers.Done()
			if err := b.flush(); err != nil {
				b.o.Log.Warn("writing when API keys were used failed", "error", err)
			}
		})
	}
}

// flush writes what was noted, at most as new as what another node wrote.
func (b *Book) flush() error {
	b.mu.Lock()
	used := b.used
	b.used, b.timer = make(map[string]store.APIKeyUse), nil
	b.mu.Unlock()
	if len(used) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), writeTime)
	defer cancel()
	return wrap("writing when keys were used", b.store.Update(ctx, store.APIKeyUsesTag, func(tx store.Tx) error {
		for id, use := range used {
			if have, err := store.APIKeyUses.Read(tx, id); err == nil && have.At.After(use.At) {
				continue
			}
			if err := store.APIKeyUses.Put(tx, id, &use, use.At.Add(keepRevoked)); err != nil {
				return err
			}
		}
		return nil
	}))
}

// uses returns when each key was used last, as far as this node knows.
func (b *Book) uses(ctx context.Context) (map[string]*store.APIKeyUse, error) {
	items, err := store.APIKeyUses.Scan(ctx, b.store, store.APIKeyUsesTag, "", "", maxKept)
	if err != nil {
		return nil, err
	}
	uses := make(map[string]*store.APIKeyUse, len(items))
	for _, item := range items {
		uses[item.ID] = item.Value
	}
	b.mu.Lock()
	pending := maps.Clone(b.used)
	b.mu.Unlock()
	for id, use := range pending {
		if have := uses[id]; have == nil || use.At.After(have.At) {
			uses[id] = &use
		}
	}
	return uses, nil
}
