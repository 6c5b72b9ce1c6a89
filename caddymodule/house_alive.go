package caddymodule

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
	"github.com/cliendo/gateway/caddymodule/transfer"
)

// pulse tells others who look at a store that a gateway uses it: what needs a store
// to itself, as restore does, finds gateways of other configurations too.
type pulse struct {
	stop context.CancelFunc
	done sync.WaitGroup
}

// beat begins with the first configuration in force. A file has a lock, and needs no
// pulse.
func (h *house) beat() {
	if _, locked := h.engine.(*boltstore.Store); locked || h.pulse != nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	h.pulse = &pulse{stop: stop}
	id, host := secret.ID(), ""
	if name, err := os.Hostname(); err == nil {
		host = name
	}
	h.pulse.done.Go(func() {
		every := time.NewTicker(transfer.AliveEvery)
		defer every.Stop()
		for {
			// Where the store is away, so is whoever would look.
			_ = transfer.Alive(ctx, h.engine, id, host, time.Now())
			select {
			case <-ctx.Done():
				h.gone(id)
				return
			case <-every.C:
			}
		}
	})
}

// gone takes the pulse back at the end.
func (h *house) gone(id string) {
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	_ = h.engine.Update(ctx, store.GatewayTag, func(tx store.Tx) error { return store.Pulses.Delete(tx, id) })
}

// still ends the pulse.
func (h *house) still() {
	if h.pulse != nil {
		h.pulse.stop()
		h.pulse.done.Wait()
	}
}
