package parked_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/parked"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

// browser keeps a holder as the flow cookie does.
type browser struct{ holder parked.Holder }

func (b *browser) Holder(*http.Request) parked.Holder                           { return b.holder }
func (b *browser) Hold(_ http.ResponseWriter, _ *http.Request, h parked.Holder) { b.holder = h }

// keys make of a cookie a key of the right length.
type keys struct{}

func (keys) FormKey(value string) (string, bool) {
	return value + strings.Repeat("k", 43-len(value)), value != "forged"
}

// lot is one browser and the forms of everybody.
type lot struct {
	*parked.Lot
	*browser
	t *testing.T
}

func newLot(t *testing.T, c *testkit.Clock, s store.Engine) *lot {
	b := &browser{}
	return &lot{parked.New(s, parked.Options{Prefix: "/gateway", Browser: b, Sessions: keys{}, Now: c.Now}), b, t}
}

// facts are those of a session of somebody that is over.
func facts(user string) *session.Facts {
	return &session.Facts{
		Session: session.NewRecord(&store.Session{Handle: "h"}), User: session.NewPerson(&store.User{ID: user, Account: "acme"}), Verdict: &session.Verdict{},
	}
}

const urlencoded = "application/x-www-form-urlencoded"

// form is one as a browser sends it from a page of the site.
func form(kind, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "http://app.test/clients/12?x=1", strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Origin", "http://app.test")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Referer", "http://app.test/clients/12/edit")
	return r
}

// park sends a form of a user and returns its id.
func (l *lot) park(user string, r *http.Request) (id string, err error) {
	page, err := l.Park(httptest.NewRecorder(), r, r.URL.RequestURI(), "cookie of "+user, facts(user))
	return strings.TrimPrefix(page, "/gateway/parked/"), err
}

func (l *lot) mustPark(user, body string) (id string) {
	l.t.Helper()
	id, err := l.park(user, form(urlencoded, body))
	testkit.Must(l.t, err)
	return id
}

// look is a later request of the same browser.
func look() *http.Request { return httptest.NewRequest(http.MethodGet, "http://app.test/", nil) }

func onStores(t *testing.T, test func(t *testing.T, c *testkit.Clock, s store.Engine)) {
	testkit.OnEngines(t, time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC), test)
}
