package caddymodule

import (
	"github.com/cliendo/gateway/caddymodule/api"
	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/event"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/story"
)

// api is the way in for programs of one site.
func (r *rooms) api(prefix string) *api.Room {
	return api.New(api.Options{
		Prefix: prefix, Store: r.house.engine, Keys: r.apiKeys, Manage: r.manager(prefix), Directory: r.directory,
		Stories: r.teller(), Attempts: r.attempts, Audit: audit.New(r.house.engine, audit.Options{Keys: r.keys}),
		Events: event.New(r.house.engine, event.Options{}), Box: r.answers, Metrics: theMetrics, Log: r.log,
	})
}

// teller tells why somebody can or cannot log in.
func (r *rooms) teller() *story.Teller {
	o := story.Options{
		Directory: r.directory, Limits: r.limits, Attempts: r.attempts, Mails: r.operateMails(), Likely: page.LikelyDomain,
	}
	if r.tickets != nil {
		o.Tickets = r.tickets
	}
	return story.New(o)
}
