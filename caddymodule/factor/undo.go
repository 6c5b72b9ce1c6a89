package factor

import (
	"context"
	"errors"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// Undo takes back what was done to the second step of u since then, because it was
// not them: an app that was set up switches it off, as nobody else has that app;
// recovery codes that were made are gone. What is being set up is forgotten. It
// runs in an Update of the account's tag; u is to be saved after it.
func (f *Factors) Undo(_ context.Context, tx store.Tx, u *store.User, since time.Time) (what string, err error) {
	rec, err := store.Factors.Read(tx, u.ID)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if u.SecondStep && !rec.Since.Before(since) {
		return ticket.UndoneSecondStep, Off(tx, u)
	}
	if u.SecondStep && !rec.CodesSince.IsZero() && !rec.CodesSince.Before(since) {
		rec.Codes, what = nil, ticket.UndoneCodes
	}
	rec.Setup, rec.Devices = nil, nil
	return what, write(tx, u, rec, f.Now())
}
