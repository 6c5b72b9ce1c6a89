package caddymodule

import (
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/console"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/proof"
	"github.com/cliendo/gateway/caddymodule/signin"
	"github.com/cliendo/gateway/caddymodule/story"
)

// console is the admin path of one site.
func (r *rooms) console(prefix string, https bool, pages *page.Renderer, devices *signin.Dispatcher) *console.Errand {
	return console.New(console.Options{
		Prefix: prefix, HTTPS: https, Rules: r.directory.Rules(), Location: r.directory.Rules().Location,
		Sessions: r.sessions, Directory: r.directory, Manage: r.manager(prefix), Roster: r.house.teams(),
		Stories: r.teller(), Prover: r.prover(prefix, devices), Devices: devices, Audit: r.auditLog(), Pages: pages, Log: r.log,
		Desk: r.desk(),
	})
}

// prover asks people who are logged in to show again that it is them.
func (r *rooms) prover(prefix string, attempts proof.Attempts) *proof.Prover {
	o := proof.Options{
		Directory: r.directory, Limits: r.limits, Hasher: r.hasher, Factors: r.factors, Party: r.settings.Passkeys,
		Attempts: attempts, Log: r.log,
	}
	if r.tickets != nil {
		o.Codes, o.Quota, o.Origin = r.tickets, r.outbox, r.mailing(prefix).origin
	}
	return proof.New(o)
}

// auditLog is what was done, by whom, to whom.
func (r *rooms) auditLog() *audit.Log {
	return audit.New(r.house.engine, audit.Options{Keys: r.keys, Keep: r.settings.AuditKeep})
}

// teller tells why somebody can or cannot log in.
func (r *rooms) teller() *story.Teller {
	o := story.Options{
		Directory: r.directory, Limits: r.limits, Attempts: r.attempts, Mails: r.operateMails(), Likely: page.LikelyDomain,
		Addresses: r.house.teams().Addresses, Now: time.Now,
	}
	o.Identities = r.identities()
	if r.tickets != nil {
		o.Tickets = r.tickets
	}
	return story.New(o)
}
