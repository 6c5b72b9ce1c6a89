package signin

import (
	"net/http"

	"github.com/cliendo/gateway/caddymodule/parked"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Holder is whose forms the browser of a request has parked; the zero one for
// nobody's.
func (d *Dispatcher) Holder(r *http.Request) parked.Holder { return d.flow(r).Parked }

// Hold notes that the forms of this browser are h's.
func (d *Dispatcher) Hold(w http.ResponseWriter, r *http.Request, h parked.Holder) {
	d.setFlow(w, r, flow{Parked: h})
}

// remain keeps, when the cookie of a session that is over is taken out of a
// browser, whose it was: another tab may still hold a form that they filled in.
func (d *Dispatcher) remain(w http.ResponseWriter, r *http.Request, value string, f *session.Facts) {
	if d.FormKey == nil || f.Session == nil || f.User == nil {
		return
	}
	if h := d.Holder(r); h.Recent(d.Now()) && h.Is(f.User.Account(), f.User.ID()) {
		return
	}
	if key, ok := d.FormKey(value); ok {
		d.Hold(w, r, parked.Holder{Account: f.User.Account(), User: f.User.ID(), Key: key, Since: d.Now().Unix()})
	}
}

// take has forms that somebody else left in this browser thrown away when u begins
// a session there: without the key nobody can read them.
func (d *Dispatcher) take(w http.ResponseWriter, r *http.Request, u *store.User) {
	f := d.flowNow(w, r)
	if f.Parked.User != "" && !f.Parked.Is(u.Account, u.ID) {
		f.Parked = parked.Holder{}
		d.writeFlow(w, r, f)
	}
}
