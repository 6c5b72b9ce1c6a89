package factor

import (
	"context"

	"github.com/cliendo/gateway/caddymodule/store"
)

// Means is what somebody can do a second step with, besides recovery codes.
type Means struct {
	App  bool // that makes codes
	Keys bool // passkeys or security keys that were made for this domain
}

// Means returns what u has. Keys are there without a second step as well: they are
// what one can be made of.
func (f *Factors) Means(ctx context.Context, u *store.User) (m Means, err error) {
	if u.SecondStep {
		rec, err := f.get(ctx, u.Account, u.ID)
		if err != nil {
			return Means{}, err
		}
		m.App = rec.Seed != ""
	}
	if f.Party == nil {
		return m, nil
	}
	list, err := f.keys(ctx, u.Account, u.ID)
	if err != nil {
		return Means{}, err
	}
	m.Keys = f.usable(list) > 0
	return m, nil
}
