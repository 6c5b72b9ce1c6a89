package caddymodule

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/cliendo/gateway/caddymodule/operate"
	"github.com/cliendo/gateway/caddymodule/store"
)

func init() {
	caddy.RegisterModule(AdminAPI{})
}

// AdminAPI carries out commands inside a running gateway, on Caddy's admin
// endpoint. That endpoint knows no users: who reaches it may reload any config.
// So commands carry a key that only readers of the secret, or of a file with mode
// 0600, can make; without it nothing is answered, not even whether a gateway runs.
type AdminAPI struct{}

// CaddyModule returns the Caddy module information.
func (AdminAPI) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.login_gateway", New: func() caddy.Module { return new(AdminAPI) }}
}

const (
	adminPath       = "/login_gateway/run"
	adminCheckPath  = "/login_gateway/check"
	adminStreamPath = "/login_gateway/stream"
	// headerStore names the store a command means, by its Resource: a gateway with
	// the same secret may keep other records.
	headerStore = "Login-Gateway-Store"
	// maxCommand bounds a request, in bytes; the longest command has a few hundred.
	maxCommand = 64 << 10
)

// Routes returns the routes: one for commands, one for commands that a file
// travels with, one for what `check` cannot see from outside.
func (a AdminAPI) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{
		{Pattern: adminPath, Handler: caddy.AdminHandlerFunc(a.run)},
		{Pattern: adminCheckPath, Handler: caddy.AdminHandlerFunc(a.check)},
		{Pattern: adminStreamPath, Handler: caddy.AdminHandlerFunc(a.stream)},
	}
}

func (AdminAPI) run(w http.ResponseWriter, r *http.Request) error {
	target, err := admit(w, r)
	if target == nil {
		return err
	}
	q, status, err := readCommand(w, r)
	if err != nil {
		return refuse(w, status, err.Error())
	}
	result, err := target.Run(r.Context(), q)
	if err != nil {
		// What an operator wrote wrong, or what is not there.
		w.WriteHeader(http.StatusUnprocessableEntity)
		return json.NewEncoder(w).Encode(operate.AsError(err))
	}
	return json.NewEncoder(w).Encode(result)
}

func (AdminAPI) check(w http.ResponseWriter, r *http.Request) error {
	target, err := admit(w, r)
	if target == nil {
		return err
	}
	findings := []store.Finding{}
	if i, ok := target.(interface {
		inspect(ctx context.Context) []store.Finding
	}); ok {
		findings = i.inspect(r.Context())
	}
	return json.NewEncoder(w).Encode(findings)
}

// admit finds the gateway that a request is for. nil: it was answered already.
func admit(w http.ResponseWriter, r *http.Request) (adminTarget, error) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "application/json")
	// The key comes first: a stranger learns nothing from the order of the checks.
	mine := holding(adminTargets.list(), bearer(r))
	if len(mine) == 0 {
		return nil, refuse(w, http.StatusUnauthorized, "not authorized")
	}
	if r.Method != http.MethodPost {
		h.Set("Allow", http.MethodPost)
		return nil, refuse(w, http.StatusMethodNotAllowed, "write POST")
	}
	for _, target := range mine {
		if target.Resource() == r.Header.Get(headerStore) {
			return target, nil
		}
	}
	return nil, refuse(w, http.StatusNotFound, "this gateway has another store")
}

// bearer returns the key of a request, or nothing.
func bearer(r *http.Request) string {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return key
}

// holding returns the targets that key opens. Every target is compared, each in
// constant time.
func holding(all []adminTarget, key string) (mine []adminTarget) {
	for _, target := range all {
		want := target.AdminKey()
		if want != "" && subtle.ConstantTimeCompare([]byte(want), []byte(key)) == 1 {
			mine = append(mine, target)
		}
	}
	return mine
}

func readCommand(w http.ResponseWriter, r *http.Request) (q operate.Request, status int, err error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return q, http.StatusUnsupportedMediaType, errors.New("the command must be application/json")
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxCommand))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&q); err != nil {
		var tooLong *http.MaxBytesError
		if errors.As(err, &tooLong) {
			return q, http.StatusRequestEntityTooLarge, fmt.Errorf("the command is longer than %d bytes", maxCommand)
		}
		return q, http.StatusBadRequest, fmt.Errorf("reading the command: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return q, http.StatusBadRequest, errors.New("something follows the command")
	}
	return q, 0, nil
}

// refuse answers by itself: what handlers of the endpoint return as errors is
// logged with the whole request.
func refuse(w http.ResponseWriter, status int, message string) error {
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(map[string]string{"error": message})
}

// Interface guards.
var _ caddy.AdminRouter = (*AdminAPI)(nil)
