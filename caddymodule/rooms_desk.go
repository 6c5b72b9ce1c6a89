package caddymodule

import "github.com/cliendo/gateway/caddymodule/console"

// desk is what the support desk works with.
func (r *rooms) desk() console.Desk {
	d := console.Desk{
		Stories: r.teller(), Audit: r.auditLog(), Tally: r.tally, Keys: r.apiKeys, Directory: r.directory, Limits: r.limits,
		Doubts: r.addresses.current,
	}
	if r.outbox != nil {
		d.Mails = r.outbox
	}
	return d
}
