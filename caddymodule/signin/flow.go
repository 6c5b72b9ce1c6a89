package signin

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/parked"
	"github.com/cliendo/gateway/caddymodule/secret"
)

// flow is what a visitor carries around before a factor is proved. It is sealed
// and lies in their browser, so that strangers cost the store nothing.
type flow struct {
	Since   int64 // unix milliseconds of the first bounce
	Bounces int
	// Browser names this browser as long as it keeps the cookie; it outlives the
	// rest of the flow, because a mail may be on its way.
	Browser string
	Asked   string // the mail it asked for last
	// Half is the login of this browser that waits for its second step.
	Half string
	// Parked is whose forms are parked here, and the key to them.
	Parked parked.Holder
}

const flowAge = 24 * time.Hour

// numbers is how numbers are written in the cookie: short.
const numbers = 36

// fields begins with as many as every flow has. The parts of Half come last: packed
// one by one they take half the room.
func (f flow) fields() []string {
	number := func(n int64) string { return strconv.FormatInt(n, numbers) }
	return append([]string{
		number(f.Since), number(int64(f.Bounces)), f.Browser, f.Asked,
		f.Parked.Account, f.Parked.User, f.Parked.Key, number(f.Parked.Since),
	}, strings.Split(f.Half, halfParts)...)
}

const (
	ofEvery   = 8
	halfParts = "."
)

// openFlow is the flow of a cookie, empty where we did not seal it.
func (d *Dispatcher) openFlow(value string) flow {
	p, ok := d.Flow.Decode(value)
	if !ok || len(p) <= ofEvery {
		return flow{}
	}
	number := func(text string) int64 {
		n, _ := strconv.ParseInt(text, numbers, 64) // written by us
		return n
	}
	return flow{
		Since: number(p[0]), Bounces: int(number(p[1])), Browser: p[2], Asked: p[3],
		Parked: parked.Holder{Account: p[4], User: p[5], Key: p[6], Since: number(p[7])},
		Half:   strings.Join(p[ofEvery:], halfParts),
	}
}

func (d *Dispatcher) flow(r *http.Request) flow {
	value, _ := cookie.Find(r.Header, cookie.Name(cookie.Flow, cookie.Secure(r, d.HTTPS)), 0)
	return d.openFlow(value)
}

// flowNow is the flow as this answer leaves it so far.
func (d *Dispatcher) flowNow(w http.ResponseWriter, r *http.Request) (f flow) {
	f = d.flow(r)
	name := cookie.Name(cookie.Flow, cookie.Secure(r, d.HTTPS))
	for _, line := range w.Header()["Set-Cookie"] {
		if c, err := http.ParseSetCookie(line); err == nil && c.Name == name {
			f = d.openFlow(c.Value)
		}
	}
	return f
}

// setFlow sets the cookie and returns the name of the browser in it.
func (d *Dispatcher) setFlow(w http.ResponseWriter, r *http.Request, f flow) (browser string) {
	before := d.flowNow(w, r)
	f.Browser, f.Asked, f.Half = cmp.Or(before.Browser, secret.ID()), cmp.Or(f.Asked, before.Asked), cmp.Or(f.Half, before.Half)
	f.Parked = cmp.Or(f.Parked, before.Parked)
	return d.writeFlow(w, r, f)
}

func (d *Dispatcher) writeFlow(w http.ResponseWriter, r *http.Request, f flow) (browser string) {
	http.SetCookie(w, cookie.New(cookie.Flow, d.Flow.Encode(f.fields()...), cookie.Secure(r, d.HTTPS), flowAge))
	return f.Browser
}
