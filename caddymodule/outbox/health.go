package outbox

import (
	"strings"
	"sync/atomic"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// What Health answers.
const (
	OK       = "ok"
	Degraded = "degraded"
)

// failuresDegraded is after how many tries in a row without a mail taken the
// sending of mails is called degraded.
const failuresDegraded = 3

// health counts tries in a row that failed.
type health struct{ failures atomic.Int32 }

// Health says whether mails leave this node: "ok", or "degraded" after repeated
// failure and until a mail is taken again.
func (o *Outbox) Health() string {
	if o.health.failures.Load() >= failuresDegraded {
		return Degraded
	}
	return OK
}

// note counts a try. What a server says about the address of a stranger says
// nothing about the server: whoever types addresses could call us degraded.
func (h *health) note(g glance, m *store.Mail, tried store.MailAnswer) {
	switch {
	case m.State == Accepted:
		h.failures.Store(0)
	case tried.Code == 0 || !Nobody(g.ref):
		h.failures.Add(1)
	}
}

// tell logs what became of a try, without the address.
func (o *Outbox) tell(g glance, m *store.Mail, tried store.MailAnswer) {
	o.health.note(g, m, tried)
	args := []any{
		"mail", g.id, "kind", m.Kind, "state", m.State, "try", len(m.Tries), "server", tried.Server,
		"code", tried.Code, "status", tried.Status, "message", tried.Message,
	}
	switch m.State {
	case Accepted:
		o.Log.Info("mail accepted", append(args, "after", tried.At.Sub(m.Created).Round(time.Millisecond))...)
	case Rejected:
		o.Log.Error("mail rejected", args...)
	default:
		o.Log.Warn("mail deferred", append(args, "next_try", m.Due)...)
	}
}

// ended tells that a mail came too late.
func (o *Outbox) ended(g glance, m *store.Mail) {
	o.Metrics.Mail(Expired)
	o.count(g.ref, Expired, 0)
	o.Log.Error("mail expired: nobody took it in time", "mail", g.id, "kind", m.Kind, "tries", len(m.Tries))
}

// count has reports know what became of a mail.
func (o *Outbox) count(ref store.MailRef, state string, code int) {
	if o.Tally == nil {
		return
	}
	account, ok := strings.CutPrefix(ref.Tag, store.AccountTag(""))
	if !ok {
		account = ""
	}
	o.Tally.Mail(account, state, code)
}
