package caddymodule

import (
	"context"
	"time"

	linked "github.com/cliendo/gateway/caddymodule/identity"
	"github.com/cliendo/gateway/caddymodule/invite"
	"github.com/cliendo/gateway/caddymodule/keyring"
	"github.com/cliendo/gateway/caddymodule/mailed"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/person"
	"github.com/cliendo/gateway/caddymodule/signin"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// manager is what people do to accounts and users of others, with links below the
// prefix of a site.
func (r *rooms) manager(prefix string) *manage.Manager {
	o := manage.Options{
		Store: r.house.engine, Directory: r.directory, Hasher: r.hasher, Limits: r.limits, Sessions: r.sessions,
		Audit: r.auditLog(), Eraser: eraser{r.people()}, Mode: r.settings.Recovery, Brand: r.settings.Brand.Name, Forbidden: r.choosing().Forbidden, Log: r.log,
		Undo: []manage.Undo{r.factors.Undo, undoIdentities, undoPasskeys}, // what "this was not me" takes back: every way in that can be added
	}
	if r.settings.PublicURL != nil {
		o.Origin = r.settings.PublicURL.String() + prefix
	}
	if r.tickets != nil {
		o.Tickets, o.Mails = r.tickets, r.outbox
	}
	return manage.New(o)
}

// operators is the manager of commands. Links that it makes lead below the prefix
// of the first site. In a process that serves nobody they wait for one that does.
func (r *rooms) operators() *manage.Manager {
	o := manage.Options{
		Store: r.house.engine, Directory: r.directory, Hasher: r.hasher, Limits: r.limits,
		Audit: r.auditLog(), Mode: r.settings.Recovery, Brand: r.settings.Brand.Name, Forbidden: r.choosing().Forbidden, Log: r.log,
	}
	if r.outbox != nil && r.settings.PublicURL != nil {
		prefix := r.prefix
		if prefix == "" {
			prefix = defaultPrefix
		}
		o.Origin, o.Mails = r.settings.PublicURL.String()+prefix, r.outbox
		o.Tickets = ticket.New(r.house.engine, ticket.Options{Mails: r.outbox})
	}
	return manage.New(o)
}

// acts are what mailed links do, by the purpose of their ticket.
func (r *rooms) acts(prefix string, byMail, anew mailed.Act, d *signin.Dispatcher, pages *page.Renderer) map[string]mailed.Act {
	made := invite.New(invite.Options{Prefix: prefix, Dispatcher: d, Manager: r.manager(prefix), Pages: pages, Log: r.log})
	return map[string]mailed.Act{
		ticket.Magic: byMail, ticket.Password: anew, ticket.Invite: made, ticket.Entry: made, ticket.Address: made,
	}
}

// eraser removes what is kept about somebody whose record is gone.
type eraser struct{ *person.Keeper }

// Erase finds it by the id, and by the addresses that the audit log knows.
func (e eraser) Erase(ctx context.Context, u *store.User) error {
	_, err := e.Keeper.Erase(ctx, u.Account, u.ID)
	return err
}

// undoIdentities takes back what was linked since then.
func undoIdentities(ctx context.Context, tx store.Tx, u *store.User, since time.Time) (string, error) {
	ended, err := linked.EndSince(ctx, tx, u, since, time.Now())
	if len(ended) == 0 {
		return "", err
	}
	return ticket.UndoneIdentities, err
}

// undoPasskeys takes back those that were added since then.
func undoPasskeys(ctx context.Context, tx store.Tx, u *store.User, since time.Time) (string, error) {
	ended, err := keyring.EndSince(ctx, tx, u, since, time.Now())
	if ended == 0 {
		return "", err
	}
	return ticket.UndonePasskeys, err
}
