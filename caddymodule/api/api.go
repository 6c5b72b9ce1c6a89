// Package api is the errand of programs: the app and the billing system of the
// operator keep accounts and users up to date through it, ask why somebody cannot
// log in, read the audit log and follow what changes. It owns the routes below
// /api/v1, their shapes, the OpenAPI document, problems, idempotency keys and
// conditions (ETag, If-Match).
//
// It leaves to others: who may do what and every change (manage), the keys
// (apikey), the story of a login (story), the log (audit) and the feed (event).
// Who asks is known by an API key in the header Authorization, and by nothing
// else: no cookie is ever looked at.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cliendo/gateway/caddymodule/apikey"
	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/event"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/story"
)

// Store is where answers are kept for requests that come again.
type Store interface {
	store.Reader
	store.Updater
}

// Keys tells whose an API key is. *apikey.Book is one.
type Keys interface {
	Open(ctx context.Context, shown string, from apikey.From) (*store.APIKey, error)
}

// Metrics counts refusals.
type Metrics interface {
	Refused(c cause.Cause)
}

// Options are what the errand works with. All but Log and Now are needed.
type Options struct {
	// Prefix is that of the gateway's own pages, like "/gateway".
	Prefix    string
	Store     Store
	Keys      Keys
	Manage    *manage.Manager
	Directory *directory.Directory
	Stories   *story.Teller
	Attempts  *attempt.Recorder
	Audit     *audit.Log
	Events    *event.Feed
	// Box seals answers that are kept: one may hold a new password.
	Box     *secret.Box
	Metrics Metrics
	Log     *slog.Logger
	Now     func() time.Time
}

// Room is the errand.
type Room struct {
	Options
	base string // of all routes
	// made is once the routes and their document are: they are large, and in most
	// houses no program ever asks.
	made   sync.Once
	routes *http.ServeMux
	huma   huma.API
}

// New returns the errand.
func New(o Options) *Room {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Room{Options: o, base: o.Prefix + "/api/v1", routes: http.NewServeMux()}
}

// open is the errand with its routes.
func (r *Room) open() *Room {
	r.made.Do(r.register)
	return r
}

// Mount adds the routes.
func (r *Room) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET "+r.base+"/openapi.json", r.document)
	mux.HandleFunc(r.Prefix+"/api/", r.serve)
	mux.HandleFunc(r.Prefix+"/api", r.serve)
}
