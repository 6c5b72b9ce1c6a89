package parked

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// keep stores a form: its place in the list first, so that nobody gets past the
// bounds, the form second. A crash in between leaves a place that lapses.
func (l *Lot) keep(ctx context.Context, h Holder, f *Form) (id string, err error) {
	now := l.Now()
	id = secret.ID()
	rec := &store.ParkedForm{Account: h.Account, User: h.User, Created: now.UTC(), Until: now.Add(Keep).UTC()}
	if rec.Sealed, err = seal(h, id, f); err != nil {
		return "", err
	}
	entry := store.ParkedEntry{
		ID: id, Account: h.Account, User: h.User, Size: len(f.Body), Created: rec.Created, Until: rec.Until,
	}
	err = l.list(ctx, func(all []store.ParkedEntry) ([]store.ParkedEntry, error) {
		if full(all, entry) {
			return nil, fmt.Errorf("%w: there is no more room", ErrStay)
		}
		return append(all, entry), nil
	})
	if err != nil {
		return "", err
	}
	err = l.store.Update(ctx, store.FormTag(id), func(tx store.Tx) error {
		return store.ParkedForms.Put(tx, id, rec, rec.Until)
	})
	if err != nil {
		l.unlist(ctx, id)
		return "", fmt.Errorf("parking a form: %w", err)
	}
	return id, nil
}

// full tells whether there is no place for one more.
func full(all []store.ParkedEntry, more store.ParkedEntry) bool {
	own, size := 0, more.Size
	for _, e := range all {
		size += e.Size
		if e.Account == more.Account && e.User == more.User {
			own++
		}
	}
	return own >= MaxOwn || len(all) >= MaxForms || size > MaxTotal
}

// list changes the list of forms. Those whose time has come are off it.
func (l *Lot) list(ctx context.Context, change func([]store.ParkedEntry) ([]store.ParkedEntry, error)) error {
	return l.store.Update(ctx, store.ParkedTag, func(tx store.Tx) error {
		rec, err := store.ParkedLists.Read(tx, "")
		if errors.Is(err, store.ErrNotFound) {
			rec, err = &store.ParkedList{}, nil
		}
		if err != nil {
			return err
		}
		now, last := l.Now(), time.Time{}
		rec.Forms = slices.DeleteFunc(rec.Forms, func(e store.ParkedEntry) bool { return !now.Before(e.Until) })
		if rec.Forms, err = change(rec.Forms); err != nil {
			return err
		}
		if len(rec.Forms) == 0 {
			return store.ParkedLists.Delete(tx, "")
		}
		for _, e := range rec.Forms {
			if e.Until.After(last) {
				last = e.Until
			}
		}
		return store.ParkedLists.Put(tx, "", rec, last)
	})
}

// unlist gives a place in the list back. One that stays lapses by itself.
func (l *Lot) unlist(ctx context.Context, id string) {
	err := l.list(ctx, func(all []store.ParkedEntry) ([]store.ParkedEntry, error) {
		return slices.DeleteFunc(all, func(e store.ParkedEntry) bool { return e.ID == id }), nil
	})
	if err != nil {
		l.Log.Warn("giving back the place of a parked form failed; it lapses by itself", "id", id, "error", err)
	}
}

const purpose = "parked form"

// place is what a sealed form is bound to.
func place(h Holder, id string) string { return id + "\x00" + h.Account + "\x00" + h.User }

// seal encrypts a form: what it says of itself on one line, and its body.
func seal(h Holder, id string, f *Form) (string, error) {
	box, err := secret.NewBoxOf(h.Key, purpose)
	if err != nil {
		return "", fmt.Errorf("parking a form: %w", err)
	}
	head, err := json.Marshal(f)
	if err != nil {
		return "", fmt.Errorf("parking a form: %w", err)
	}
	return box.Seal(slices.Concat(head, []byte{'\n'}, f.Body), place(h, id)), nil
}

func open(h Holder, id, sealed string) (*Form, error) {
	box, err := secret.NewBoxOf(h.Key, purpose)
	if err != nil {
		return nil, fmt.Errorf("opening a parked form: %w", err)
	}
	plain, err := box.Open(sealed, place(h, id))
	if err != nil {
		return nil, ErrGone
	}
	head, body, _ := bytes.Cut(plain, []byte{'\n'})
	f := &Form{Body: body}
	if err := json.Unmarshal(head, f); err != nil {
		return nil, fmt.Errorf("opening a parked form: %w", err)
	}
	return f, nil
}

// idPattern is what secret.ID makes.
var idPattern = regexp.MustCompile(`^[a-z2-7]{16}$`)
