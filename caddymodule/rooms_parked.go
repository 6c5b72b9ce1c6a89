package caddymodule

import (
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/parked"
	"github.com/cliendo/gateway/caddymodule/resend"
	"github.com/cliendo/gateway/caddymodule/signin"
)

// parking keeps the forms of one site that come when nobody may pass.
func (r *rooms) parking(prefix string, dispatcher *signin.Dispatcher) *parked.Lot {
	return parked.New(r.house.engine, parked.Options{
		Prefix: prefix, Origin: r.issuer(), Browser: dispatcher, Sessions: r.sessions, Metrics: theMetrics, Log: r.log,
	})
}

// resending is the errand that shows them.
func (r *rooms) resending(prefix string, https bool, lot *parked.Lot, pages *page.Renderer) *resend.Errand {
	return resend.New(resend.Options{
		Prefix: prefix, HTTPS: https, Sessions: r.sessions, Lot: lot, Pages: pages, Log: r.log,
	})
}
