package person

import (
	"context"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// Passkey is a passkey or security key: what is known of it, without what
// verifies it.
type Passkey struct {
	Name    string    `json:"name,omitempty"`
	Agent   string    `json:"agent,omitempty"`
	Created time.Time `json:"created"`
	Used    time.Time `json:"used,omitzero"`
}

func (k *Keeper) passkeys(ctx context.Context, tag, id string) (all []Passkey, err error) {
	list, err := optional(store.Passkeys.Get(ctx, k.store, tag, id))
	if err != nil || list == nil {
		return nil, err
	}
	for _, p := range list.Keys {
		all = append(all, Passkey{p.Name, p.Agent, p.Created, p.Used})
	}
	return all, nil
}
