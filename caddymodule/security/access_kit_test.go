package security_test

import (
	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

// places knows one network.
type places struct{}

func (places) Of(network, locale string) string {
	if network == "192.0.2.1/32" && locale == "en" {
		return "Utrecht, Netherlands"
	}
	return ""
}

// books are what sessions, activity and address stand on.
func (h *house) books(keys *secret.Keys) {
	h.tries = attempt.New(h.engine, attempt.Options{Now: h.now})
	h.t.Cleanup(func() { testkit.Must(h.t, h.tries.Close()) })
	h.post = outbox.New(h.engine, outbox.Options{Box: testkit.Box(h.t, keys, "outbox"), Now: h.now})
	h.log = audit.New(h.engine, audit.Options{Now: h.now})
	h.mover = manage.New(manage.Options{
		Store: h.engine, Directory: h.dir, Hasher: h, Limits: h.limits, Sessions: h.sessions, Audit: h.log, Mails: h,
		Tickets: h.book, Origin: "https://app.example/gateway", Now: h.now, Undo: []manage.Undo{h.factors.Undo},
	})
}

// byKind takes the mails by their kind.
func (h *house) byKind() map[string]outbox.Draft {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := map[string]outbox.Draft{}
	for _, d := range h.mails {
		all[d.Letter.Kind] = d
	}
	h.mails = nil
	return all
}
