package signin_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/signin"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// tickets settles as it is told to.
type tickets struct {
	settled ticket.Settled
	err     error
	used    []string
	began   []string
	waiting bool // a fresh password
}

func (k *tickets) Settle(_ context.Context, _ *store.User, id string) (ticket.Settled, error) {
	k.used = append(k.used, id)
	return k.settled, k.err
}

func (k *tickets) Began(_ context.Context, u *store.User, id, handle string) error {
	k.began = append(k.began, u.ID+" "+id+" "+handle)
	return nil
}

func (k *tickets) Fresh(context.Context, *store.User) (string, error) {
	if k.waiting {
		return "secret", nil
	}
	return "", ticket.ErrNone
}

func (k *tickets) Tell(context.Context, *store.User, ticket.Telling) error { return nil }

func TestATicketIsUsedWhenTheLoginComesAboutAndNotBefore(t *testing.T) {
	for name, c := range map[string]struct {
		account string
		second  bool
		err     error
		fresh   bool
		status  int
		cause   string
		to      string
		used    int
	}{
		"fine":                 {account: directory.Active, status: 303, to: "/clients", used: 1},
		"with a new password":  {account: directory.Active, fresh: true, status: 303, to: "/gateway/recover/keep?to=%2Fclients", used: 1},
		"blocked account":      {account: directory.Suspended, status: 403, cause: "account_suspended"},
		"second step":          {account: directory.Active, second: true, status: 401, cause: "second_step_required"},
		"used meanwhile":       {account: directory.Active, err: &ticket.Spent{Cause: cause.LinkUsed}, status: 410, cause: "link_used", used: 1},
		"gone":                 {account: directory.Active, err: ticket.ErrNone, status: 410, cause: "link_expired", used: 1},
		"store away":           {account: directory.Active, err: store.ErrUnavailable, status: 503, cause: "store_unavailable", used: 1},
		"something else again": {account: directory.Active, err: errors.New("disk full"), status: 503, cause: "store_unavailable", used: 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{account: &store.Account{State: c.account}}
			d, _ := open(t, w)
			k := &tickets{err: c.err, settled: ticket.Settled{User: &store.User{ID: "jan", Type: "teammate", Epoch: 7}, Fresh: c.fresh}}
			d.Tickets = k
			rec := httptest.NewRecorder()
			d.Proven(rec, httptest.NewRequest(http.MethodPost, "http://localhost/gateway/magic?to=%2Felsewhere", nil), signin.Proof{
				User: &store.User{ID: "jan", Type: "teammate", SecondStep: c.second}, Method: "magic", Ticket: "ticket-1", Target: "/clients",
			})
			if rec.Code != c.status || causeOf(rec) != c.cause || rec.Header().Get("Location") != c.to || len(k.used) != c.used {
				t.Errorf("%d %q, sent to %q, used %v", rec.Code, causeOf(rec), rec.Header().Get("Location"), k.used)
			}
			if in := c.status == 303; in != (len(w.started) == 1) || in != (len(k.began) == 1) {
				t.Errorf("started %v, began %v", w.started, k.began)
			}
			if len(w.started) == 1 && w.started[0].User.Epoch != 7 {
				t.Error("the session belongs to the epoch before the new password")
			}
		})
	}
}

func TestAFreshPasswordComesBackUntilItIsStored(t *testing.T) {
	w := &world{account: &store.Account{State: directory.Active}}
	d, _ := open(t, w)
	k := &tickets{waiting: true}
	d.Tickets = k
	rec := httptest.NewRecorder()
	d.Proven(rec, httptest.NewRequest(http.MethodPost, "http://localhost/gateway/login?to=%2Fclients", nil),
		signin.Proof{User: &store.User{ID: "jan", Type: "teammate"}, Method: "password"})
	if got := rec.Header().Get("Location"); got != "/gateway/recover/keep?to=%2Fclients" || len(k.used) != 0 {
		t.Errorf("sent to %q, used %v", got, k.used)
	}
}

// The name of a browser is the same within an answer and from answer to answer,
// whatever else the flow is used for.
func TestABrowserKeepsItsName(t *testing.T) {
	d, mux := open(t, &world{account: &store.Account{State: directory.Active}})
	r := httptest.NewRequest(http.MethodGet, "http://localhost/gateway/magic", nil)
	rec := httptest.NewRecorder()
	if d.Visited(r) != "" || d.Recognised(r) || d.LastAsked(r) != "" {
		t.Error("a browser that was never here has a name")
	}
	name := d.Browser(rec, r)
	if name == "" || d.Browser(rec, r) != name {
		t.Fatalf("named %q, then another way", name)
	}
	d.Asked(rec, r, "mail-1")
	b := &browser{mux, map[string]string{}}
	for _, c := range cookiesOf(rec) {
		b.cookies[c.Name] = c.Value
	}
	for range 2 {
		for _, c := range cookiesOf(b.get("/gateway/login")) {
			b.cookies[c.Name] = c.Value
		}
	}
	again := httptest.NewRequest(http.MethodGet, "http://localhost/gateway/magic", nil)
	for n, v := range b.cookies {
		again.AddCookie(&http.Cookie{Name: n, Value: v})
	}
	if d.Visited(again) != name || d.Browser(httptest.NewRecorder(), again) != name || d.LastAsked(again) != "mail-1" {
		t.Errorf("named %q, was %q; asked for %q", d.Visited(again), name, d.LastAsked(again))
	}
	for n := range b.cookies {
		forged := httptest.NewRequest(http.MethodGet, "http://localhost/gateway/magic", nil)
		forged.AddCookie(&http.Cookie{Name: n, Value: b.cookies[n] + "x"})
		if d.Visited(forged) != "" {
			t.Error("a forged cookie names a browser")
		}
	}
}
