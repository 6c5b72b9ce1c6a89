package demo

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coder/websocket"
)

//go:embed app.html mail.html provider.html
var appFiles embed.FS

var appPage = template.Must(template.ParseFS(appFiles, "app.html"))

// maxForm bounds what the form of the sample app takes.
const maxForm = 1 << 20

// App is the sample app: it believes the identity headers and shows what arrived.
func App() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", echo)
	mux.HandleFunc("/ws", talk)
	mux.HandleFunc("GET /events", tick)
	mux.HandleFunc("/", show)
	return mux
}

// header is a line of the table of headers.
type header struct {
	Name     string
	Values   []string
	Identity bool
}

// view is what app.html sees.
type view struct {
	Method, Path, Name, Email, Type, Account, State string
	Status                                          string
	Headers                                         []header
	Form                                            url.Values
	IsForm                                          bool
}

func show(w http.ResponseWriter, r *http.Request) {
	h := r.Header
	v := view{
		Method: r.Method, Path: r.URL.RequestURI(), Name: decoded(h.Get("Remote-Name")), Email: decoded(h.Get("Remote-Email")),
		Type: h.Get("Remote-Groups"), Account: h.Get("Remote-Account"), State: h.Get("Remote-Account-State"),
		Headers: headers(h), IsForm: r.URL.Path == "/form",
	}
	if r.Method == http.MethodPost {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			http.Error(w, "malformed form: "+err.Error(), http.StatusBadRequest)
			return
		}
		v.Form = r.PostForm
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if err := appPage.Execute(w, v); err != nil {
		_, _ = io.WriteString(w, "rendering failed")
	}
}

// decoded reads a header value as the gateway writes it: percent-encoded UTF-8.
func decoded(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}

func headers(h http.Header) []header {
	all := make([]header, 0, len(h))
	for name, values := range h {
		all = append(all, header{name, values, strings.HasPrefix(name, "Remote-")})
	}
	slices.SortFunc(all, func(a, b header) int {
		if a.Identity != b.Identity {
			if a.Identity {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	return all
}

func echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(struct {
		Method  string      `json:"method"`
		Path    string      `json:"path"`
		Headers http.Header `json:"headers"`
	}{r.Method, r.URL.RequestURI(), r.Header})
}

// talk sends every message back.
func talk(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // Accept has answered
	}
	defer func() { _ = conn.CloseNow() }()
	for {
		kind, message, err := conn.Read(r.Context())
		if err != nil {
			return
		}
		if err := conn.Write(r.Context(), kind, message); err != nil {
			return
		}
	}
}

// tick is an event stream with the time.
func tick(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for {
		if _, err := fmt.Fprintf(w, "data: %s\n\n", time.Now().Format(time.TimeOnly)); err != nil || out.Flush() != nil {
			return
		}
		if !wait(r.Context(), every.C) {
			return
		}
	}
}

func wait(ctx context.Context, c <-chan time.Time) bool {
	select {
	case <-ctx.Done():
		return false
	case <-c:
		return true
	}
}
