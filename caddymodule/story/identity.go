package story

import (
	"context"
	"time"

	"github.com/cliendo/gateway/caddymodule/identity"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Identities are the accounts with providers that log people in. *identity.Book is one.
type Identities interface {
	List(ctx context.Context, account, user string) ([]store.LinkedIdentity, error)
}

// Identity is one of them as others may read it: enough to be recognised by whoever
// knows it, and never its key.
type Identity struct {
	Provider string    `json:"provider"`
	Address  string    `json:"address,omitempty"` // masked
	Linked   time.Time `json:"linked"`
	LastUsed time.Time `json:"last_used,omitzero"`
}

// tellIdentities adds those of the user.
func (t *Teller) tellIdentities(ctx context.Context, s *Story, u *store.User) error {
	if t.Identities == nil {
		return nil
	}
	linked, err := t.Identities.List(ctx, u.Account, u.ID)
	for _, l := range linked {
		s.Identities = append(s.Identities, Identity{l.Provider, identity.Masked(l.Email), l.Linked, l.LastUsed})
	}
	return err
}
