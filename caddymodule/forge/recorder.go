package forge

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Recorder stands in the place of apps, on a port of this machine for each.
type Recorder struct {
	mu      sync.Mutex
	seen    []Seen
	servers []*http.Server
}

// Add opens the place of one more app, and returns its address and number.
func (r *Recorder) Add() (addr string, proxy int, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // until Close
	if err != nil {
		return "", 0, err
	}
	proxy = len(r.servers)
	s := &http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body) // trailers come with its end
		r.mu.Lock()
		r.seen = append(r.seen, Seen{proxy, req.Method, req.RequestURI, req.Header.Clone(), req.Trailer.Clone()})
		r.mu.Unlock()
		w.WriteHeader(http.StatusOK)
	})}
	r.servers = append(r.servers, s)
	go func() { _ = s.Serve(l) }()
	return l.Addr().String(), proxy, nil
}

// Take returns what arrived since it was asked last.
func (r *Recorder) Take() []Seen {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.seen
	r.seen = nil
	return seen
}

// Close gives the ports back.
func (r *Recorder) Close() error {
	errs := make([]error, 0, len(r.servers))
	for _, s := range r.servers {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// patience bounds one request.
const patience = 10 * time.Second
