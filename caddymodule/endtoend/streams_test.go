package endtoend_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
	"github.com/cliendo/gateway/caddymodule/store/storetest"
)

// stream is an open connection of a visitor to the app that lasts.
type stream struct {
	name string
	// alive sends and receives something; an error means that it is over.
	alive func() error
	ended chan struct{}
}

// open opens a WebSocket and two event streams: one that the request announced
// and one that it did not.
func open(t *testing.T, v *kit.Visitor) []*stream {
	t.Helper()
	return []*stream{
		openWebSocket(t, v),
		openEvents(t, v, "announced events", "text/event-stream"),
		openEvents(t, v, "events", "*/*"),
	}
}

func openWebSocket(t *testing.T, v *kit.Visitor) *stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*kit.Patience)
	t.Cleanup(cancel)
	client := &http.Client{Jar: v.Client.Jar, Transport: v.Client.Transport}
	c, res, err := websocket.Dial(ctx, v.Base+"/ws", &websocket.DialOptions{HTTPClient: client}) //nolint:bodyclose // Dial leaves nothing to close
	if err != nil {
		t.Fatalf("opening a WebSocket: %v (%v)", err, res)
	}
	t.Cleanup(func() { _ = c.CloseNow() })
	s := &stream{name: "WebSocket", ended: make(chan struct{})}
	echoes := make(chan string, 16)
	go func() {
		defer close(s.ended)
		for {
			_, text, err := c.Read(ctx)
			if err != nil {
				return
			}
			echoes <- string(text)
		}
	}()
	s.alive = func() error {
		if err := c.Write(ctx, websocket.MessageText, []byte("echo")); err != nil {
			return err
		}
		select {
		case <-echoes:
			return nil
		case <-s.ended:
			return io.EOF
		}
	}
	return s
}

func openEvents(t *testing.T, v *kit.Visitor, name, accept string) *stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*kit.Patience)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.Base+"/sse", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	client := &http.Client{Jar: v.Client.Jar, Transport: v.Client.Transport}
	res, err := client.Do(req) //nolint:bodyclose // closed when the test ends
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("opening events: %v %v", res, err)
	}
	body := bufio.NewReader(res.Body)
	if line, err := body.ReadString('\n'); err != nil || line != "data: begun\n" {
		t.Fatalf("the first event is %q, %v", line, err)
	}
	s := &stream{name: name, ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		defer func() { _ = res.Body.Close() }()
		_, _ = io.Copy(io.Discard, body) // until it is cut
	}()
	s.alive = func() error {
		select {
		case <-s.ended:
			return io.EOF
		default:
			return nil
		}
	}
	return s
}

// over waits until every stream was cut.
func over(t *testing.T, streams []*stream) {
	t.Helper()
	for _, s := range streams {
		select {
		case <-s.ended:
		case <-time.After(kit.Patience):
			t.Errorf("%s goes on", s.name)
		}
	}
}

func alive(t *testing.T, streams []*stream) {
	t.Helper()
	for _, s := range streams {
		if err := s.alive(); err != nil {
			t.Errorf("%s was cut: %v", s.name, err)
		}
	}
}

func TestStreamsEndWithTheirSession(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, _ := town(t, s, kit.Site{})
		other := open(t, kit.Visit(t, g.URL).Enter("client"))
		for what, end := range map[string]func(v *kit.Visitor){
			"log-out":      func(v *kit.Visitor) { v.Post("/gateway/logout", nil) },
			"log-out all":  func(v *kit.Visitor) { v.Post("/gateway/logout/all", nil) },
			"end-sessions": func(*kit.Visitor) { command(t, g, "users", "end-sessions", "teammate@demo.test") },
			"new session":  func(v *kit.Visitor) { v.Post("/gateway/login", kit.Form("teammate@demo.test", kit.Password)) },
		} {
			v := kit.Visit(t, g.URL).Enter("teammate")
			streams := open(t, v)
			alive(t, streams)
			end(v)
			over(t, streams)
			alive(t, other)
			if t.Failed() {
				t.Fatalf("at %s", what)
			}
		}
		streams := open(t, kit.Visit(t, g.URL).Enter("teammate"))
		command(t, g, "users", "block", "teammate@demo.test", "--reason", "left")
		over(t, streams)
		alive(t, other)
		command(t, g, "accounts", "set", "acme", "--state", "suspended", "--reason", "abuse")
		over(t, other)
	})
}

func TestStreamsOfTheOtherNodeEndToo(t *testing.T) {
	t.Parallel()
	s := kit.Redis(t)
	one, app := town(t, s, kit.Site{})
	two := kit.Start(t, kit.Site{Store: s.Line, Upstream: app.Addr})
	streams := open(t, kit.Visit(t, two.URL).Enter("teammate"))
	counted := func(there float64) func() bool {
		return func() bool {
			return one.Metric("login_gateway_streams_open") == 0 && two.Metric("login_gateway_streams_open") == there
		}
	}
	kit.Eventually(t, "each node counts its own streams", counted(3))
	command(t, one, "users", "block", "teammate@demo.test", "--reason", "left")
	over(t, streams)
	kit.Eventually(t, "no stream is counted any more", counted(0))
}

// Over HTTP/2 one connection carries all that a browser asks: a stream ends, the
// connection and the rest on it do not.
func TestStreamsOverHTTP2EndAlone(t *testing.T) {
	t.Parallel()
	g, _ := town(t, kit.Bolt(t), kit.Site{HTTPS: true})
	v := kit.Visit(t, g.URL).Enter("teammate")
	streams := []*stream{openEvents(t, v, "announced events", "text/event-stream"), openEvents(t, v, "events", "*/*")}
	alive(t, streams)
	a := v.Post("/gateway/logout", nil)
	if a.Status != http.StatusSeeOther || a.Proto != "HTTP/2.0" {
		t.Errorf("logging out: %s over %s", a, a.Proto)
	}
	over(t, streams)
	if a := v.Get(a.To()); a.Status != http.StatusOK || a.Proto != "HTTP/2.0" {
		t.Errorf("after that: %s over %s", a, a.Proto)
	}
}

func TestNobodyStreamsWithoutASession(t *testing.T) {
	t.Parallel()
	g, app := town(t, kit.Bolt(t), kit.Site{})
	for _, cookie := range []string{"", "broken"} {
		v := kit.Visit(t, g.URL)
		v.SetCookie("gateway_session", cookie)
		ctx, cancel := context.WithTimeout(context.Background(), kit.Patience)
		defer cancel()
		_, res, err := websocket.Dial(ctx, v.Base+"/ws", &websocket.DialOptions{HTTPClient: &http.Client{Jar: v.Client.Jar}}) //nolint:bodyclose // Dial leaves nothing to close
		if err == nil || res == nil || res.StatusCode != http.StatusUnauthorized {
			t.Errorf("a WebSocket without a session: %v, %v", res, err)
		}
	}
	if got := app.Seen(""); len(got) != 0 {
		t.Errorf("reached the app: %v", got)
	}
}

// P24: a reload does not cut streams, one that began before it still ends with its
// session, and a stop waits for them no longer than the grace period.
func TestStreamsOutliveReloads(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, app := town(t, s, kit.Site{})
		v, other := kit.Visit(t, g.URL).Enter("teammate"), kit.Visit(t, g.URL).Enter("client")
		streams, others := open(t, v), open(t, other)
		for i := range 3 {
			site := kit.Site{Store: s.Line, Upstream: app.Addr}
			if i%2 == 0 {
				site.App = "session {\n idle 2h\n }"
			}
			if err := g.Load(site); err != nil {
				t.Fatal(err)
			}
			alive(t, streams[:1])
		}
		alive(t, streams)
		streams = append(streams, open(t, v)...)
		v.Post("/gateway/logout", nil)
		over(t, streams)
		alive(t, others)
		stops(t, g)
		over(t, others)
	})
}

// stops ends a gateway as operators do, and wants it to come to an orderly end.
func stops(t *testing.T, g *kit.Gateway) {
	t.Helper()
	g.Stop()
	if code := g.ExitCode(); code != 0 || !strings.Contains(g.Output(), "shutdown complete") {
		t.Errorf("the gateway stopped with exit code %d", code)
	}
}

// P24 at its size: many streams and logins half-way, and reloads. All streams go on
// and all logins come to their end. The stop needs nothing of a grace period that is
// longer than this test waits, and what was begun before it goes on behind it.
func TestManyStreamsAndLoginsOutliveReloads(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		sockets, logins, reloads := storetest.Rounds(100, 500), storetest.Rounds(10, 50), storetest.Rounds(3, 10)
		const each = 9 // a tenth code is for the login that outlives the stop
		people := (logins + each - 1) / each
		app := kit.NewApp(t)
		site := kit.Site{Store: s.Town().Crowd(people).Line, Upstream: app.Addr, Global: "grace_period 10m"}
		g := kit.Start(t, site)
		var streams []*stream
		var waiting, later []*half
		for i := range people {
			user := fmt.Sprintf("crowd%d", i)
			v := kit.Visit(t, g.URL).Enter(user)
			theirs := halves(t, g, v, user, each+1)
			for range (sockets + people - 1) / people {
				streams = append(streams, openWebSocket(t, v))
			}
			waiting, later = append(waiting, theirs[:each]...), append(later, theirs[each])
		}
		waiting, later = waiting[:logins], later[:1]
		for _, one := range slices.Concat(waiting, later) {
			one.begin(t)
		}
		for i := range reloads {
			if err := g.Load(changed(site, i)); err != nil {
				t.Fatal(err)
			}
			alive(t, streams)
			// Some go on at once, most wait for more reloads.
			for _, one := range waiting[i*logins/reloads : (i+1)*logins/reloads] {
				one.finish(t)
			}
		}
		stops(t, g)
		over(t, streams)
		g.Run()
		g.WaitLive()
		later[0].finish(t)
		arrived(t, waiting[0].v.Get("/"), waiting[0].user)
	})
}
