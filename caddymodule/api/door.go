package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/apikey"
	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

const (
	// maxBody bounds a request, in bytes; the longest honest one has a few thousand.
	maxBody = 64 << 10
	// bodyTime is how long a client may take to send it.
	bodyTime = 10 * time.Second
	// workTime bounds what is done for a request.
	workTime = 30 * time.Second
)

// caller is whose request it is.
type caller struct {
	key   *store.APIKey
	actor manage.Actor
}

type callerKey struct{}

func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

// serve is the way of every request but the one for the document: who is it, is
// there such a route, what does it say, and only then what huma and manage do.
func (r *Room) serve(w http.ResponseWriter, req *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	key, p := r.admit(req)
	if p != nil {
		if p.Status == http.StatusUnauthorized {
			h.Set("WWW-Authenticate", `Bearer realm="login gateway"`)
		}
		r.refuse(w, req, p)
		return
	}
	if p = r.routed(h, req); p == nil {
		p = readBody(w, req)
	}
	if p != nil {
		r.refuse(w, req, p)
		return
	}
	v := visitor.Of(req)
	c := caller{key: key, actor: manage.OfKey(key, v)}
	ctx := context.WithValue(audit.As(req.Context(), c.actor.Actor), callerKey{}, c)
	r.once(w, req.WithContext(ctx))
}

// admit finds out whose key came. Nothing but the header Authorization is looked
// at, and of that only a single one.
func (r *Room) admit(req *http.Request) (*store.APIKey, *Problem) {
	shown := req.Header.Values("Authorization")
	if len(shown) != 1 {
		return nil, problem(reasonNotLoggedIn, "Send the key as: Authorization: Bearer <key>")
	}
	scheme, key, _ := strings.Cut(shown[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return nil, problem(reasonNotLoggedIn, "Send the key as: Authorization: Bearer <key>")
	}
	v := visitor.Of(req)
	k, err := r.Keys.Open(req.Context(), strings.TrimSpace(key), apikey.From{Network: v.Network, Agent: v.Agent})
	if errors.Is(err, apikey.ErrWrong) {
		return nil, problem(reasonNotLoggedIn, "There is no such key, or it was revoked.")
	}
	if err != nil {
		return nil, r.problemOf(err)
	}
	return k, nil
}

// methods are those the API knows.
var methods = []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete}

// routed says what is the matter with path and method, if anything.
func (r *Room) routed(h http.Header, req *http.Request) *Problem {
	if _, route := r.open().routes.Handler(req); route != "" {
		return nil
	}
	var allowed []string
	for _, method := range methods {
		other := req.Clone(req.Context())
		other.Method = method
		if _, route := r.open().routes.Handler(other); route != "" {
			allowed = append(allowed, method)
		}
	}
	if allowed == nil {
		return problem(reasonNotFound, "")
	}
	h.Set("Allow", strings.Join(allowed, ", "))
	return problem(reasonMethod, "It can be asked for with "+strings.Join(allowed, ", ")+".")
}

// readBody reads all that was sent, within bounds, and looks for what could be
// read in two ways.
func readBody(w http.ResponseWriter, req *http.Request) *Problem {
	for name, values := range req.URL.Query() {
		if len(values) > 1 {
			return invalid("query."+clip(name), "it is given more than once")
		}
	}
	if req.Method == http.MethodGet || req.Method == http.MethodHead {
		return nil
	}
	conn := http.NewResponseController(w) // not all have deadlines
	_ = conn.SetReadDeadline(time.Now().Add(bodyTime))
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	_ = conn.SetReadDeadline(time.Time{})
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) {
		return problem(reasonTooLarge, "64 KiB are accepted.")
	}
	if err != nil {
		return problem(reasonBadRequest, "The body did not arrive.")
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

// clip keeps what is repeated to the client short.
func clip(s string) string {
	const longest = 40
	if len(s) > longest {
		s = s[:longest]
	}
	return strings.ToValidUTF8(s, "")
}
