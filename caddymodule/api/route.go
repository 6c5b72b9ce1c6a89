package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/cliendo/gateway/caddymodule/apikey"
)

// route is one operation: what it is called, where it is, and which scope it takes.
type route struct {
	id, method, path, scope string
	status                  int // of success; 0: 200
	summary, about          string
}

// register makes all routes and the document about them.
func (r *Room) register() {
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Login gateway", Version: "1.0.0",
				Description: "Keeps accounts and users up to date, tells why somebody cannot log in, and what changed.",
			},
			Servers:  []*huma.Server{{URL: r.base}},
			Security: []map[string][]string{{"key": {}}},
			Components: &huma.Components{SecuritySchemes: map[string]*huma.SecurityScheme{
				"key": {Type: "http", Scheme: "bearer", Description: "An API key, made by the support desk or with `cliendo gateway keys add`."},
			}},
		},
		Formats:                      map[string]huma.Format{"application/json": format, "json": format},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{r.translate},
	}
	r.huma = huma.NewAPI(config, humago.NewAdapter(r.routes, r.base))
	r.accounts()
	r.users()
	r.deeds()
	r.reading()
	// huma describes its own errors as well, which nobody ever gets.
	delete(r.huma.OpenAPI().Components.Schemas.Map(), "ErrorModel")
}

// add makes one route. Who lacks its scope is refused before anything is read.
func add[I, O any](r *Room, at route, handle func(context.Context, *I) (*O, error)) {
	schema := r.huma.OpenAPI().Components.Schemas.Schema(problemType, true, "Problem")
	op := huma.Operation{
		OperationID: at.id, Method: at.method, Path: at.path, DefaultStatus: at.status, MaxBodyBytes: maxBody + 1,
		// It was read before; a deadline left behind would end work that takes longer.
		BodyReadTimeout: -1,
		Summary:         at.summary, Description: strings.TrimSpace(at.about + "\n\nScope: `" + at.scope + "`."),
		Tags: []string{strings.Split(at.scope, ":")[0]}, Extensions: map[string]any{"x-scope": at.scope},
		Responses: map[string]*huma.Response{"default": {
			Description: "Problem", Content: map[string]*huma.MediaType{"application/problem+json": {Schema: schema}},
		}},
		Middlewares: huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) {
			if !apikey.Allows(callerOf(ctx.Context()).key, at.scope) {
				req, w := humago.Unwrap(ctx)
				p := problem(reasonForbidden, "The key lacks the scope "+at.scope+".")
				p.Why = "scope"
				r.refuse(w, req, p)
				return
			}
			next(ctx)
		}},
	}
	if at.method != http.MethodGet {
		op.Parameters = append(op.Parameters, onceParameter)
	}
	huma.Register(r.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, r.problemOf(err)
		}
		return out, nil
	})
}

var onceParameter = &huma.Param{
	Name: "Idempotency-Key", In: "header",
	Description: "1 to 200 characters. The same request with the same one has one effect and gets the same answer, for 24 hours.",
	Schema:      &huma.Schema{Type: huma.TypeString},
}

// document answers with the OpenAPI document. It is the only route without a key.
func (r *Room) document(w http.ResponseWriter, _ *http.Request) {
	body, err := json.Marshal(r.open().huma.OpenAPI())
	if err != nil {
		r.Log.Error("writing the OpenAPI document failed", "error", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(body)
}

// API is what the routes are registered with.
func (r *Room) API() huma.API { return r.open().huma }

// Operation is one route, as tests walk them.
type Operation struct{ ID, Method, Path, Scope string }

// Operations lists all routes.
func (r *Room) Operations() []Operation {
	var all []Operation
	for path, item := range r.open().huma.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Patch, item.Delete} {
			if op != nil {
				scope, _ := op.Extensions["x-scope"].(string)
				all = append(all, Operation{op.OperationID, op.Method, r.base + path, scope})
			}
		}
	}
	slices.SortFunc(all, func(a, b Operation) int { return strings.Compare(a.ID, b.ID) })
	return all
}
