package caddymodule

import "github.com/cliendo/gateway/caddymodule/manage"

// manager is what people do to accounts and users of others, with links below the
// prefix of a site.
func (r *rooms) manager(prefix string) *manage.Manager {
	o := manage.Options{
		Store: r.house.engine, Directory: r.directory, Hasher: r.hasher, Limits: r.limits, Sessions: r.sessions,
		Audit: r.auditLog(), Mode: r.settings.Recovery, Brand: r.settings.Brand.Name, Log: r.log,
	}
	if r.settings.PublicURL != nil {
		o.Origin = r.settings.PublicURL.String() + prefix
	}
	if r.tickets != nil {
		o.Tickets, o.Mails = r.tickets, r.outbox
	}
	return manage.New(o)
}
