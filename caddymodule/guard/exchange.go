package guard

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/session"
)

// exchange is one request that was passed on: the response on its way back, and
// room for the header values so that setting them allocates nothing. The values
// are a copy for this request, because a site may rewrite headers in place.
type exchange struct {
	http.ResponseWriter
	values   [session.Values]string
	guard    *Guard
	facts    *session.Facts // nil: nobody is logged in
	cookie   string
	late     bool // an answer that turns out to stay open has to be registered
	begun    bool
	stream   *session.Stream
	onHijack func(net.Conn)
	cutting  sync.Mutex // held while cut is at work, which done waits for
	over     bool
}

// Unwrap is for http.ResponseController.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// WriteHeader takes cookies with our names out: the app cannot set them.
func (x *exchange) WriteHeader(status int) {
	if !x.begun {
		x.begun = status >= 200 || status == http.StatusSwitchingProtocols
		h := x.Header()
		x.clean(h)
		if x.begun && x.late && eventStream(h) {
			x.stream = x.guard.lateStream(x)
		}
	}
	x.ResponseWriter.WriteHeader(status)
}

// clean takes out what only the gateway may send, and what only it may see.
func (x *exchange) clean(h http.Header) {
	cookie.StripSetCookie(h)
	if signal, ok := h[SignalLogout]; ok {
		delete(h, SignalLogout)
		x.logout(signal)
	}
}

// pass hands the request on. A handler that only sets headers has its response
// written by the server, behind our back.
func (x *exchange) pass(r *http.Request, next Next) error {
	err := next.ServeHTTP(x, r)
	if !x.begun {
		x.clean(x.Header())
	}
	return err
}

// Write begins the response where the handler did not.
func (x *exchange) Write(b []byte) (int, error) {
	x.begin()
	return x.ResponseWriter.Write(b)
}

// ReadFrom keeps the fast way for files open.
func (x *exchange) ReadFrom(r io.Reader) (int64, error) {
	x.begin()
	return io.Copy(x.ResponseWriter, r)
}

// FlushError begins and flushes the response.
func (x *exchange) FlushError() error {
	x.begin()
	return http.NewResponseController(x.ResponseWriter).Flush()
}

// Flush is for handlers that still ask for http.Flusher.
func (x *exchange) Flush() { _ = x.FlushError() }

func (x *exchange) begin() {
	if !x.begun {
		x.WriteHeader(http.StatusOK)
	}
}

// Hijack hands the connection over and lets the guard close it later.
func (x *exchange) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(x.ResponseWriter).Hijack()
	if err == nil && x.onHijack != nil {
		x.onHijack(conn)
	}
	return conn, rw, err
}

func (x *exchange) done() {
	if x.stream == nil {
		return
	}
	x.stream.Done()
	x.cutting.Lock()
	x.over = true
	x.cutting.Unlock()
}

func eventStream(h http.Header) bool {
	kind := h["Content-Type"]
	return len(kind) > 0 && strings.HasPrefix(kind[0], "text/event-stream")
}

// streams tells from the request that the answer may stay open.
func streams(r *http.Request) bool {
	if len(r.Header["Upgrade"]) > 0 || r.Method == http.MethodConnect {
		return true
	}
	accept := r.Header["Accept"]
	return len(accept) > 0 && strings.Contains(accept[0], "text/event-stream")
}

// stream passes a request on whose answer may stay open, and ends it when its
// session may not go on.
func (g *Guard) stream(x *exchange, r *http.Request, value string, next Next) error {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	hijacked := make(chan net.Conn, 1)
	x.onHijack = func(c net.Conn) {
		select {
		case hijacked <- c:
		default:
		}
	}
	s := g.Sessions.Watch(value, func() {
		cancel()
		select {
		case c := <-hijacked:
			_ = c.Close()
		default:
		}
	})
	defer s.Done()
	return x.pass(r.WithContext(ctx), next)
}

// lateStream is for an event stream that the request did not announce: there is
// no context to cancel, but the connection's deadlines end it.
func (g *Guard) lateStream(x *exchange) *session.Stream {
	return g.Sessions.Watch(x.cookie, x.cut)
}

// cut ends the response from another goroutine. Wrappers around the server's own
// ResponseWriter keep deadlines in fields of their own, for the goroutine of the
// handler only, so they are passed by; and that one must not be used any more
// once the handler has returned.
func (x *exchange) cut() {
	x.cutting.Lock()
	defer x.cutting.Unlock()
	if x.over {
		return
	}
	w := x.ResponseWriter
	for inner, ok := w.(unwrapper); ok; inner, ok = w.(unwrapper) {
		w = inner.Unwrap()
	}
	rc, past := http.NewResponseController(w), time.Unix(1, 0)
	_ = rc.SetReadDeadline(past)
	_ = rc.SetWriteDeadline(past)
}

// unwrapper is what http.ResponseController asks wrappers for.
type unwrapper interface{ Unwrap() http.ResponseWriter }
