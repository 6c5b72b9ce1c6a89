package person

import (
	"context"
	"errors"

	"github.com/cliendo/gateway/caddymodule/store"
)

// forms lists the parked forms of a user. What they say nobody can read but the
// browser they came from.
func (k *Keeper) forms(ctx context.Context, account, id string) ([]store.ParkedEntry, error) {
	all, err := optional(store.ParkedLists.Get(ctx, k.store, store.ParkedTag, ""))
	if err != nil || all == nil {
		return nil, err
	}
	var own []store.ParkedEntry
	for _, f := range all.Forms {
		if f.Account == account && f.User == id {
			own = append(own, f)
		}
	}
	return own, nil
}

// eraseForms throws the parked forms of a user away, their places in the list last,
// so that an erasure that was cut short finds what it left.
func (k *Keeper) eraseForms(ctx context.Context, account, id string) error {
	own, err := k.forms(ctx, account, id)
	if err != nil || len(own) == 0 {
		return err
	}
	for _, f := range own {
		err := k.store.Update(ctx, store.FormTag(f.ID), func(tx store.Tx) error { return store.ParkedForms.Delete(tx, f.ID) })
		if err != nil {
			return err
		}
	}
	return k.store.Update(ctx, store.ParkedTag, func(tx store.Tx) error {
		all, err := store.ParkedLists.Read(tx, "")
		if errors.Is(err, store.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		kept := &store.ParkedList{}
		last := all.Forms[0].Until
		for _, f := range all.Forms {
			if f.Account == account && f.User == id {
				continue
			}
			kept.Forms = append(kept.Forms, f)
			if f.Until.After(last) {
				last = f.Until
			}
		}
		if len(kept.Forms) == 0 {
			return store.ParkedLists.Delete(tx, "")
		}
		return store.ParkedLists.Put(tx, "", kept, last)
	})
}
