package main

import (
	"bytes"
	"fmt"
	"net/http"
	"time"
)

// upstreamWord makes this binary the upstream; the address follows.
const upstreamWord = "serve-upstream"

// Paths of the upstream.
const (
	pathApp = "/app" // wants to know who is logged in
	pathRaw = "/raw" // does not
)

// serveUpstream answers 1 KiB. A request to pathApp without identity is an error
// of whoever stands in front, and shows in the figures as one.
func serveUpstream(addr string) error {
	body := bytes.Repeat([]byte("0123456789abcde\n"), 64)
	answer := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write(body)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+pathRaw, func(w http.ResponseWriter, _ *http.Request) { answer(w) })
	mux.HandleFunc("GET "+pathApp, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Remote-User") == "" || r.Header.Get("Remote-Session") == "" {
			http.Error(w, "nobody is logged in", http.StatusInternalServerError)
			return
		}
		answer(w)
	})
	s := &http.Server{Addr: addr, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	return fmt.Errorf("upstream: %w", s.ListenAndServe())
}
