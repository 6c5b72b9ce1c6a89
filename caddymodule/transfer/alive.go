package transfer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

const (
	// AliveEvery is how often a gateway says that it uses a store.
	AliveEvery = 10 * time.Second
	// aliveFor is how long that counts: a gateway that was killed keeps nobody from
	// restoring for longer.
	aliveFor = 45 * time.Second
)

// ErrInUse is the error of a restore of a store that a gateway uses.
var ErrInUse = errors.New("a gateway uses this store")

// Alive notes that the gateway id uses a store, for those who need it to themselves.
func Alive(ctx context.Context, s store.Updater, id, host string, now time.Time) error {
	return s.Update(ctx, store.GatewayTag, func(tx store.Tx) error {
		return store.Pulses.Put(tx, id, &store.Pulse{Host: host, At: now.UTC()}, now.Add(aliveFor))
	})
}

// unused is nil where no gateway has said lately that it uses a store.
func unused(ctx context.Context, r store.Reader) error {
	found, err := store.Pulses.Scan(ctx, r, store.GatewayTag, "", "", 1)
	if err != nil || len(found) == 0 {
		return err
	}
	return fmt.Errorf("%w: the one on %.60q did at %s", ErrInUse, found[0].Value.Host, found[0].Value.At.Format(time.TimeOnly+" MST"))
}
