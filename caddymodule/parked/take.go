package parked

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// Waiting is a form that waits.
type Waiting struct {
	ID      string
	Form    *Form // nil once it arrived
	Created time.Time
	Until   time.Time
	Taken   bool // it was sent on
}

// Find returns the form of the browser r comes from, for the user who is logged in
// there now. ErrGone is all that anybody else learns; a form of somebody who was
// here before is thrown away.
func (l *Lot) Find(r *http.Request, id, account, user string) (*Waiting, error) {
	h := l.Browser.Holder(r)
	if !idPattern.MatchString(id) || h.Key == "" {
		return nil, ErrGone
	}
	rec, err := store.ParkedForms.Get(r.Context(), l.store, store.FormTag(id), id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrGone
	} else if err != nil {
		return nil, fmt.Errorf("looking for a parked form: %w", err)
	}
	if !h.Is(rec.Account, rec.User) || !l.Now().Before(rec.Until) {
		return nil, ErrGone
	}
	found := &Waiting{ID: id, Created: rec.Created, Until: rec.Until, Taken: !rec.Taken.IsZero()}
	if rec.Sealed != "" {
		if found.Form, err = open(h, id, rec.Sealed); err != nil {
			return nil, err
		}
	}
	if !h.Is(account, user) {
		return nil, errors.Join(ErrGone, l.Drop(r.Context(), id))
	}
	return found, nil
}

// Take is Find for who sends the form on: of fifty at once one gets it, the others
// ErrTaken. Settle must follow.
func (l *Lot) Take(r *http.Request, id, account, user string) (*Waiting, error) {
	found, err := l.Find(r, id, account, user)
	if err != nil {
		return nil, err
	}
	if found.Form == nil {
		return nil, ErrTaken
	}
	err = l.store.Update(context.WithoutCancel(r.Context()), store.FormTag(id), func(tx store.Tx) error {
		rec, err := store.ParkedForms.Read(tx, id)
		if err != nil {
			return err
		}
		if !rec.Taken.IsZero() {
			return ErrTaken
		}
		rec.Taken = l.Now().UTC()
		return store.ParkedForms.Put(tx, id, rec, rec.Until)
	})
	switch {
	case errors.Is(err, ErrTaken):
		return nil, ErrTaken
	case errors.Is(err, store.ErrNotFound):
		return nil, ErrGone
	case err != nil:
		return nil, fmt.Errorf("taking a parked form: %w", err)
	}
	return found, nil
}

// Settle ends what Take began. A form that arrived is forgotten but for the fact
// that it was sent; one that did not is there to be sent again.
func (l *Lot) Settle(ctx context.Context, id string, arrived bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if arrived {
		l.unlist(ctx, id)
	}
	err := l.store.Update(ctx, store.FormTag(id), func(tx store.Tx) error {
		rec, err := store.ParkedForms.Read(tx, id)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		if arrived {
			rec.Sealed = ""
		} else {
			rec.Taken = time.Time{}
		}
		return store.ParkedForms.Put(tx, id, rec, rec.Until)
	})
	if err != nil {
		return fmt.Errorf("settling a parked form: %w", err)
	}
	l.Metrics.ParkedForm(map[bool]string{true: Sent, false: Returned}[arrived])
	return nil
}

// Drop throws a form away. One that is not there is no error.
func (l *Lot) Drop(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	err := l.store.Update(ctx, store.FormTag(id), func(tx store.Tx) error { return store.ParkedForms.Delete(tx, id) })
	if err != nil {
		return fmt.Errorf("throwing a parked form away: %w", err)
	}
	l.unlist(ctx, id)
	l.Metrics.ParkedForm(Discarded)
	return nil
}

// Request makes of r, which asks for the form to be sent on, the request that it
// was: its body, type and where it came from. Cookies are those of the browser now.
func (f *Form) Request(r *http.Request, id string) *http.Request {
	out := r.WithContext(context.WithValue(r.Context(), sendingKey{}, id))
	out.Header = r.Header.Clone()
	out.Body, out.ContentLength, out.TransferEncoding, out.Trailer = body(f.Body), int64(len(f.Body)), nil, nil
	for name, value := range map[string]string{
		"Content-Type": f.Type, "Content-Length": fmt.Sprint(len(f.Body)), "Origin": f.Origin, "Referer": f.Referer,
	} {
		if out.Header.Del(name); value != "" {
			out.Header.Set(name, value)
		}
	}
	for _, name := range []string{"Transfer-Encoding", "Trailer", "Te", "Expect", "Content-Encoding"} {
		out.Header.Del(name)
	}
	return out
}
