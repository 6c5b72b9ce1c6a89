package caddymodule

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/guard"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/signin"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// visit says who is at the other end. The address is Caddy's client_ip and
// nothing else: what a header claims counts only from a trusted proxy (P10).
func visit(r *http.Request) visitor.Visitor {
	v := visitor.Visitor{Agent: attempt.Agent(r.UserAgent()), Site: r.Host}
	text, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	if ip, err := netip.ParseAddr(text); err == nil {
		v.IP, v.Network = ip, limit.Network(ip)
	}
	return v
}

// own is the way to the gateway's own pages: who changes something must come from
// one of our pages, and what is not there is said as a page.
func (r *rooms) own(mux *http.ServeMux, site *siteSettings, pages *page.Renderer, dispatcher *signin.Dispatcher) http.Handler {
	csrf := http.NewCrossOriginProtection()
	if r.settings.PublicURL != nil {
		if err := csrf.AddTrustedOrigin(r.settings.PublicURL.String()); err != nil {
			r.log.Error("public_url cannot be trusted as an origin", "error", err)
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("X-Login-Gateway", "1")
		req, end := traced(req, site.Prefix)
		defer end()
		if req.Method == http.MethodPost {
			r.addresses.saw(req)
		}
		_, route := mux.Handler(req)
		switch {
		case req.URL.Path == site.Prefix || req.URL.Path == site.Prefix+"/":
			http.Redirect(w, req, site.Prefix+"/login", http.StatusSeeOther)
		case req.URL.Path == site.Prefix+"/api" || strings.HasPrefix(req.URL.Path, site.Prefix+"/api/"):
			// Programs come with a key and nothing else: no browser adds one to what
			// another site makes it send.
			mux.ServeHTTP(w, req)
		case route == site.Prefix+guard.VerifyPath: // changes nothing, whatever method a proxy asks with
			mux.ServeHTTP(w, req)
		case csrf.Check(req) != nil:
			crossSite(w, req, site, pages, dispatcher.CrossSite(req))
		case route == "":
			if to := withoutSlash(mux, req); to != "" {
				http.Redirect(w, req, to, http.StatusSeeOther) //nolint:gosec // there is a page of ours
				return
			}
			pages.NotFound(w, req, "")
		default:
			mux.ServeHTTP(w, req)
		}
	})
}

// withoutSlash is where somebody is led who typed a slash behind a page of ours, and
// empty where there is no such page either.
func withoutSlash(mux *http.ServeMux, r *http.Request) string {
	path, typed := strings.CutSuffix(r.URL.Path, "/")
	if !typed || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return ""
	}
	there := r.Clone(r.Context())
	there.URL.Path, there.URL.RawPath = path, strings.TrimSuffix(r.URL.RawPath, "/")
	if _, route := mux.Handler(there); route == "" {
		return ""
	}
	return there.URL.RequestURI()
}

// crossSite refuses a form that another site sent. On the login page the form
// itself is there again, so that nobody is stuck.
func crossSite(w http.ResponseWriter, r *http.Request, site *siteSettings, pages *page.Renderer, reference string) {
	if strings.HasPrefix(r.URL.Path, site.Prefix+"/login") {
		pages.Login(w, r, cause.CrossSite.Status(), page.Login{Cause: cause.CrossSite, Reference: reference})
		return
	}
	if r.URL.Path == site.Prefix+"/recover" {
		pages.Recover(w, r, cause.CrossSite.Status(), page.Recover{Cause: cause.CrossSite, Reference: reference})
		return
	}
	pages.Refusal(w, r, page.Refusal{Cause: cause.CrossSite, Reference: reference})
}

// traced begins a span where the site traces.
func traced(r *http.Request, prefix string) (*http.Request, func()) {
	parent := trace.SpanFromContext(r.Context())
	if !parent.SpanContext().IsValid() {
		return r, func() {}
	}
	ctx, span := parent.TracerProvider().Tracer("login_gateway").Start(r.Context(), "login_gateway "+r.Method,
		trace.WithAttributes(tracedPath(r.URL.Path, prefix+"/m/")))
	return r.WithContext(ctx), func() { span.End() }
}

// tracedPath is what a span says of a path. What follows links is a secret.
func tracedPath(path, links string) attribute.KeyValue {
	if strings.HasPrefix(path, links) {
		path = links + "..."
	}
	return attribute.String("url.path", path)
}

// later holds the places of pages that do not exist yet and say so.
type later struct {
	prefix string
	pages  *page.Renderer
}

// Mount adds their routes.
func (l *later) Mount(mux *http.ServeMux) {
	for path, kind := range map[string]string{
		"/recover": "recover",
	} {
		mux.HandleFunc(l.prefix+path, func(w http.ResponseWriter, r *http.Request) {
			l.pages.Later(w, r, page.Later{Kind: kind})
		})
	}
}

// statics serves style and script.
type statics struct {
	prefix string
	pages  *page.Renderer
}

// Mount adds the route.
func (s *statics) Mount(mux *http.ServeMux) {
	mux.Handle("GET "+s.prefix+"/assets/", s.pages.Assets())
	mux.Handle("GET "+s.prefix+"/session.js", s.pages.SessionScript())
}

// health says whether this node can serve.
type health struct {
	prefix string
	rooms  *rooms
}

// Mount adds the routes. They need no session: load balancers have none.
func (h *health) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET "+h.prefix+"/health/live", func(w http.ResponseWriter, _ *http.Request) {
		writeHealth(w, http.StatusOK, "ok", nil)
	})
	mux.HandleFunc("GET "+h.prefix+"/health/ready", h.ready)
}

// ready is 503 only when people who are logged in cannot be served; `?require=`
// names parts that have to work as well.
func (h *health) ready(w http.ResponseWriter, r *http.Request) {
	parts := map[string]string{"store": "ok"}
	status, word := http.StatusOK, "ok"
	if err := h.rooms.house.ping(); err != nil {
		parts["store"], word = "unavailable", "degraded"
	}
	if h.rooms.outbox != nil {
		if parts["mail"] = h.rooms.outbox.Health(); parts["mail"] != outbox.OK {
			word = "degraded"
		}
	}
	if !h.rooms.sessions.Serving() {
		status, word = http.StatusServiceUnavailable, "unavailable"
	}
	for part := range strings.SplitSeq(r.URL.Query().Get("require"), ",") {
		if part = strings.TrimSpace(part); part != "" && parts[part] != "ok" {
			if parts[part] == "" {
				parts[part] = "absent"
			}
			status = http.StatusServiceUnavailable
		}
	}
	writeHealth(w, status, word, parts)
}

func writeHealth(w http.ResponseWriter, status int, word string, parts map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct {
		Status string            `json:"status"`
		Parts  map[string]string `json:"parts,omitempty"`
	}{word, parts})
}
