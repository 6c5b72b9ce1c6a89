package endtoend_test

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// seam is an app behind two nodes, or behind one that is both, and people who speak
// to them by one protocol.
type seam struct {
	t        *testing.T
	one, two *kit.Gateway
	app      *kit.App
	proto    string
}

const (
	seamWords    = "public /open/*\nassertion " + seamAudience + "\nrequire second_step /admin/*"
	seamAudience = "https://app.example.com"
)

// seams runs what an app is promised over every shape: both protocols, one node on
// bolt and two on redis.
func seams(t *testing.T, test func(s *seam)) {
	t.Helper()
	for _, nodes := range []string{"one node on bolt", "two nodes on redis"} {
		for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
			t.Run(nodes+", "+proto, func(t *testing.T) {
				t.Parallel()
				s := &seam{t: t, app: kit.NewApp(t), proto: proto}
				kept := kit.Bolt
				if nodes != "one node on bolt" {
					kept = kit.Redis
				}
				site := kit.Site{Store: kept(t).Town().Line, Upstream: s.app.Addr, Words: seamWords, HTTPS: true}
				s.one = kit.Start(t, site)
				if s.two = s.one; nodes != "one node on bolt" {
					s.two = kit.Start(t, site)
				}
				test(s)
			})
		}
	}
}

// visit is somebody new at the first node.
func (s *seam) visit() *kit.Visitor {
	s.t.Helper()
	v := kit.Visit(s.t, s.one.URL)
	if s.proto == "HTTP/1.1" {
		transport := v.Client.Transport.(*http.Transport)
		transport.ForceAttemptHTTP2, transport.TLSNextProto = false, map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	if a := v.Get("/gateway/health/live"); a.Proto != s.proto {
		s.t.Fatalf("over %s, not %s", a.Proto, s.proto)
	}
	return v
}

// at is the same browser at another node: cookies know no ports.
func at(v *kit.Visitor, g *kit.Gateway) *kit.Visitor {
	other := *v
	other.Base = g.URL
	return &other
}

// gone waits until a node knows that a session is over.
func (s *seam) gone(what string, v *kit.Visitor) {
	s.t.Helper()
	kit.Eventually(s.t, what, func() bool { return v.Get("/x", kit.Bare).Status == http.StatusUnauthorized })
}

// What an app behind the gateway is promised, over every shape.
func TestTheSeamWithTheApp(t *testing.T) {
	t.Parallel()
	seams(t, func(s *seam) {
		for _, part := range []struct {
			what string
			test func(s *seam)
		}{
			{"a form that comes late", seamLateForm},
			{"how long a session lasts", seamSession},
			{"streams end when access ends", seamStreams},
			{"the signed assertion", seamAssertion},
			{"other proxies ask", seamVerify},
			{"the app logs out", seamSignals},
			{"a second step for a part of the app", seamRequire},
			{"a name that is not ASCII", seamName},
			{"one of our pages in a frame", seamFrame},
		} {
			part.test(s)
			if s.t.Failed() {
				s.t.Fatalf("at: %s", part.what)
			}
		}
	})
}

// Parked at one node, logged in and sent at the other.
func seamLateForm(s *seam) {
	v := s.visit().Enter("teammate")
	other := at(v, s.two)
	arrived(s.t, other.Get("/"), "teammate")
	command(s.t, s.two, "users", "end-sessions", kit.Address("teammate"))
	s.gone("the end of the session", v)
	page := park(s.t, v, lateURI, formType, lateBody)
	if a := back(s.t, other, "teammate", page); a.Status != http.StatusOK || len(s.app.Seen("/clients")) != 0 {
		s.t.Errorf("the page of the form: %s", a)
	}
	if got := arrived(s.t, send(other, lateURI, page), "teammate"); got.Body != lateBody || got.URI != lateURI {
		s.t.Errorf("the app got %+v", got)
	}
	sentTo(s.t, send(v, lateURI, page), page)
	if n := len(s.app.Seen("/clients")); n != 1 {
		s.t.Errorf("the app got it %d times", n)
	}
	// Somebody else logs in there: it is gone.
	command(s.t, s.one, "users", "end-sessions", kit.Address("teammate"))
	s.gone("the end of the session", other)
	page = park(s.t, other, "/else", formType, lateBody)
	if a := back(s.t, v, "client", page); a.Status != http.StatusGone || len(s.app.Seen("/else")) != 0 {
		s.t.Errorf("somebody else gets %s", a)
	}
}

func seamSession(s *seam) {
	v := s.visit().Enter("client")
	other := at(v, s.two)
	script := kit.With("Sec-Fetch-Mode", "cors")
	a := other.Get("/gateway/session", script)
	var said struct {
		User     string `json:"user"`
		Account  string `json:"account"`
		Idle     int    `json:"idle_seconds"`
		Absolute int    `json:"absolute_seconds"`
	}
	decode(s.t, a.Body, &said)
	if a.Proto != s.proto || said.User != "client" || said.Account != "acme" || said.Idle > 8*3600 || said.Idle < 7*3600 || said.Absolute > 24*3600 || said.Absolute < 23*3600 {
		s.t.Errorf("how long it lasts: %s", a)
	}
	v.Post("/gateway/logout", nil)
	s.gone("the log-out", other)
	if a := other.Get("/gateway/session", script); a.Status != http.StatusUnauthorized || !strings.Contains(a.Body, `"login_url"`) {
		s.t.Errorf("after the log-out: %s", a)
	}
}

// Streams at one node, ended at the other.
func seamStreams(s *seam) {
	bystander := []*stream{openEvents(s.t, s.visit().Enter("trial"), "events of another account", "text/event-stream")}
	for _, way := range []struct {
		what string
		end  func(v *kit.Visitor)
		mend []string
	}{
		{"log-out", func(v *kit.Visitor) { v.Post("/gateway/logout", nil) }, nil},
		{"block", func(*kit.Visitor) {
			command(s.t, s.two, "users", "block", kit.Address("admin"), "--reason", "left")
		}, []string{"users", "unblock", kit.Address("admin")}},
		{"state", func(*kit.Visitor) {
			command(s.t, s.two, "accounts", "set", "acme", "--state", "suspended", "--reason", "abuse")
		}, []string{"accounts", "set", "acme", "--state", "active"}},
	} {
		v := s.visit()
		kit.Eventually(s.t, "the way in", func() bool { return v.Login("admin", kit.Password).To() == "/" })
		streams := []*stream{openEvents(s.t, v, "announced events", "text/event-stream"), openEvents(s.t, v, "events", "*/*")}
		if s.proto == "HTTP/1.1" {
			streams = append(streams, openWebSocket(s.t, v))
		}
		alive(s.t, streams)
		way.end(at(v, s.two))
		over(s.t, streams)
		alive(s.t, bystander)
		if s.t.Failed() {
			s.t.Fatalf("at %s", way.what)
		}
		if way.mend != nil {
			command(s.t, s.two, way.mend...)
		}
	}
}

// Signed by one node, verified with what the other publishes.
func seamAssertion(s *seam) {
	v := s.visit()
	kit.Eventually(s.t, "the way in", func() bool { return v.Login("teammate", kit.Password).To() == "/" })
	told := arrived(s.t, v.Get("/x", kit.With("Remote-Assertion", forged)), "teammate").Header
	token, err := jwt.ParseSigned(told.Get("Remote-Assertion"), []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		s.t.Fatal(err)
	}
	var keys jose.JSONWebKeySet
	decode(s.t, kit.Visit(s.t, s.two.URL).Get("/gateway/jwks.json").Body, &keys)
	var claims jwt.Claims
	var more struct {
		Account  string   `json:"account"`
		Type     string   `json:"type"`
		Sid      string   `json:"sid"`
		Amr      []string `json:"amr"`
		AuthTime int64    `json:"auth_time"`
	}
	if err := token.Claims(keys, &claims, &more); err != nil {
		s.t.Fatal(err)
	}
	if err := claims.Validate(jwt.Expected{AnyAudience: jwt.Audience{seamAudience}, Time: time.Now()}); err != nil || claims.Subject != "teammate" ||
		more.Account != "acme" || more.Type != "teammate" || more.Sid != told.Get("Remote-Session") || strings.Join(more.Amr, " ") != told.Get("Remote-Amr") || more.AuthTime == 0 {
		s.t.Errorf("it says %+v %+v: %v", claims, more, err)
	}
	if again := v.Get("/y").Decode(s.t).Header["Remote-Assertion"]; len(again) != 1 || again[0] != told.Get("Remote-Assertion") {
		s.t.Errorf("signed again for the next request: %q", again)
	}
	if got := s.visit().Get("/open/x").Decode(s.t).Header["Remote-Assertion"]; got != nil {
		s.t.Errorf("nobody has %q", got)
	}
}

// Another proxy asks one node about a session of the other.
func seamVerify(s *seam) {
	about := func(uri string) []kit.Option {
		return []kit.Option{kit.With("X-Forwarded-Method", "GET"), kit.With("X-Forwarded-Uri", uri), kit.With("Remote-User", forged)}
	}
	v := s.visit().Enter("teammate")
	a := at(v, s.two).Get("/gateway/verify", about("/clients?a=1")...)
	if a.Status != http.StatusOK || a.Header.Get("Remote-User") != "teammate" || a.Header.Get("Remote-Assertion") == "" || a.Proto != s.proto {
		s.t.Errorf("about somebody: %s %v", a, a.Header)
	}
	nobody := at(s.visit(), s.two)
	a = nobody.Get("/gateway/verify", about("/clients?a=1")...)
	if a.Status != http.StatusUnauthorized || a.Header.Get("X-Login-Url") != "/gateway/login?to=%2Fclients%3Fa%3D1" || a.Header.Get("Remote-User") != "" {
		s.t.Errorf("about nobody: %s %v", a, a.Header)
	}
	sentTo(s.t, nobody.Get("/gateway/verify?redirect=1", about("/clients?a=1")...), "/gateway/login?to=%2Fclients%3Fa%3D1")
	if a := nobody.Get("/gateway/verify", about("/open/x")...); a.Status != http.StatusOK || a.Header.Get("Remote-User") != "" {
		s.t.Errorf("about nobody at a public path: %s", a)
	}
	if a := nobody.Get("/gateway/verify", about("/open/..%2fclosed")...); a.Status != http.StatusUnauthorized {
		s.t.Errorf("about nobody at an unclear path: %s", a)
	}
}

// The app ends a session, or all of a user, on every node, and no browser sees how.
func seamSignals(s *seam) {
	v, beside := s.visit().Enter("teammate"), s.visit().Enter("teammate")
	other := at(v, s.two)
	arrived(s.t, other.Get("/"), "teammate")
	told := func(v *kit.Visitor, query string) {
		s.t.Helper()
		if a := v.Get("/answer?" + query); a.Status != http.StatusOK || !a.FromApp() || a.Header["Gateway-Logout"] != nil {
			s.t.Errorf("%s: %s %v", query, a, a.Header)
		}
	}
	told(v, "Gateway-Logout=everybody") // means nothing, and does nothing
	told(v, "x=1")
	arrived(s.t, other.Get("/"), "teammate")
	told(v, "Gateway-Logout=session")
	refused(s.t, v.Get("/x", kit.Bare), http.StatusUnauthorized, "session_ended")
	s.gone("the log-out by the app", other)
	arrived(s.t, beside.Get("/"), "teammate")
	v.Enter("teammate")
	arrived(s.t, other.Get("/"), "teammate")
	told(beside, "Gateway-Logout=user")
	refused(s.t, beside.Get("/x", kit.Bare), http.StatusUnauthorized, "session_ended")
	s.gone("the log-out of the user", other)
	// A visitor who sends the header ends nothing.
	v.Enter("teammate")
	v.Get("/x", kit.With("Gateway-Logout", "user"))
	arrived(s.t, v.Get("/"), "teammate")
}

func seamRequire(s *seam) {
	const setUp = "/gateway/security/second-step"
	v := s.visit().Enter("owner")
	other := at(v, s.two)
	asksFor(s.t, other, "/admin/users", "second_step_required", setUp)
	a := v.Do(http.MethodPost, "/admin/users?x=1", kit.Body(formType, lateBody))
	page, err := url.QueryUnescape(strings.TrimPrefix(a.To(), setUp+"?to="))
	if a.Status != http.StatusSeeOther || err != nil || parkedPage.FindString(page) != page {
		s.t.Fatalf("a form that needs a second step: %s", a)
	}
	switchOn(s.t, other)
	if got := arrived(s.t, send(other, "/admin/users?x=1", page), "owner"); got.Body != lateBody || !strings.Contains(got.Header.Get("Remote-Amr"), "mfa") {
		s.t.Errorf("the app got %+v", got)
	}
	kit.Eventually(s.t, "the first node to know of it", func() bool { return v.Get("/admin/users").FromApp() })
}

func seamFrame(s *seam) {
	in := []kit.Option{kit.With("Sec-Fetch-Dest", "iframe"), kit.With("Sec-Fetch-Site", "cross-site")}
	v := at(s.visit(), s.two)
	sentTo(s.t, v.Get("/clients", in...), "/gateway/login?to=%2Fclients")
	a := v.Get("/gateway/login?to=%2Fclients", in...)
	if a.Status != http.StatusOK || strings.Contains(a.Body, "<form") || !strings.Contains(a.Body, `target="_blank" rel="noopener"`) ||
		!strings.Contains(a.Header.Get("Content-Security-Policy"), "frame-ancestors *") {
		s.t.Errorf("the page in a frame: %s", a)
	}
	if a := v.Get("/gateway/login"); !strings.Contains(a.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		s.t.Errorf("the login page lets itself be framed: %v", a.Header)
	}
}
