package kit

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
)

// Seen is a request that reached the app.
type Seen struct {
	Method string `json:"method"`
	// URI as it stood in the request line.
	URI    string      `json:"uri"`
	Header http.Header `json:"headers"`
	Body   string      `json:"body"`
}

// App is the app behind a gateway. It answers every path with what it received,
// as JSON, and marks its answers with X-App.
//
//	/ws       a WebSocket echo
//	/sse      an event stream that goes on until it is cut
//	/set      sends the query's values of c as Set-Cookie lines
//	/answer   answers with the headers of the query
//	/status   answers with the status in the query's code
type App struct {
	// Addr is host and port.
	Addr string

	mu   sync.Mutex
	seen []Seen
}

// NewApp starts an app that ends with the test.
func NewApp(t testing.TB) *App {
	t.Helper()
	a := &App{}
	mux := http.NewServeMux()
	mux.HandleFunc("/ws", a.webSocket)
	mux.HandleFunc("/sse", a.events)
	mux.HandleFunc("/set", func(w http.ResponseWriter, r *http.Request) {
		for _, c := range r.URL.Query()["c"] {
			w.Header().Add("Set-Cookie", c)
		}
	})
	mux.HandleFunc("/answer", func(w http.ResponseWriter, r *http.Request) {
		for name, values := range r.URL.Query() {
			w.Header()[http.CanonicalHeaderKey(name)] = values
		}
	})
	mux.HandleFunc("/status", func(w http.ResponseWriter, r *http.Request) {
		var code int
		_, _ = fmt.Sscan(r.URL.Query().Get("code"), &code) // the test's own number
		w.WriteHeader(code)
	})
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := a.record(r)
		w.Header().Set("X-App", "1")
		switch r.URL.Path {
		case "/ws", "/sse", "/set", "/answer", "/status":
			mux.ServeHTTP(w, r)
		default:
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(s) // whoever hung up does not read it
		}
	})
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	a.Addr = server.Listener.Addr().String()
	return a
}

func (a *App) record(r *http.Request) Seen {
	s := Seen{Method: r.Method, URI: r.RequestURI, Header: r.Header.Clone()}
	if r.Header.Get("Upgrade") == "" {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20)) // a body that is cut short is short
		s.Body = string(body)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen = append(a.seen, s)
	return s
}

// Seen returns the requests that reached the app and whose URI contains part.
func (a *App) Seen(part string) []Seen {
	a.mu.Lock()
	defer a.mu.Unlock()
	var seen []Seen
	for _, s := range a.seen {
		if strings.Contains(s.URI, part) {
			seen = append(seen, s)
		}
	}
	return seen
}

func (a *App) webSocket(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer func() { _ = c.CloseNow() }()
	for {
		kind, text, err := c.Read(r.Context())
		if err != nil || c.Write(r.Context(), kind, text) != nil {
			return
		}
	}
}

// events sends one event and then waits to be cut.
func (a *App) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = io.WriteString(w, "data: begun\n\n") // whoever hung up does not read it
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

// Decode reads the JSON with which the app answers.
func (a Answer) Decode(t testing.TB) Seen {
	t.Helper()
	var s Seen
	if err := json.Unmarshal([]byte(a.Body), &s); err != nil || !a.FromApp() {
		t.Errorf("that is no answer of the app: %s", a)
	}
	return s
}
