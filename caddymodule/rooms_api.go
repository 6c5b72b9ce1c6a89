package caddymodule

import (
	"github.com/cliendo/gateway/caddymodule/api"
	"github.com/cliendo/gateway/caddymodule/event"
)

// api is the way in for programs of one site.
func (r *rooms) api(prefix string) *api.Room {
	return api.New(api.Options{
		Prefix: prefix, Store: r.house.engine, Keys: r.apiKeys, Manage: r.manager(prefix), Directory: r.directory,
		Stories: r.teller(), Attempts: r.attempts, Audit: r.auditLog(), Events: event.New(r.house.engine, event.Options{}),
		Box: r.answers, Metrics: theMetrics, Log: r.log,
	})
}
