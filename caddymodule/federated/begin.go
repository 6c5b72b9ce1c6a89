package federated

import (
	"errors"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/identity"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/provider"
	"github.com/cliendo/gateway/caddymodule/target"
)

const (
	maxBody = 16 << 10
	maxHint = 254
)

// begin sends the browser to the provider. Every begin is somebody's explicit choice,
// so the provider is asked to let them choose the account: the only one that is
// signed in there may be the private one.
func (e *Errand) begin(w http.ResponseWriter, r *http.Request) {
	p := e.byName[r.PathValue("name")]
	if p == nil {
		e.Pages.NotFound(w, r, "")
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Login-Gateway", "1")
	f := identity.Flow{Provider: p.Name(), Target: target.Safe(r.URL.Query().Get(target.Param), e.Prefix)}
	hint, ok := e.typed(w, r, &f)
	if !ok {
		e.Pages.Refusal(w, r, page.Refusal{Cause: cause.BadRequest})
		return
	}
	address, err := e.ask(w, r, p, f, hint)
	if err != nil {
		e.failed(w, r, p, f, err)
		return
	}
	if r.Method == http.MethodPost {
		e.Pages.Leaving(w, r, Shown(p), address, "")
		return
	}
	http.Redirect(w, r, address, http.StatusSeeOther) //nolint:gosec // made by the provider of the configuration; what came with the request is in its query only
}

func (e *Errand) ask(w http.ResponseWriter, r *http.Request, p Provider, f identity.Flow, hint string) (address string, err error) {
	if !p.Ready() {
		return "", &provider.UnavailableError{Provider: p.Name(), Reason: provider.ReasonAway, Err: errors.New("it is known not to work")}
	}
	state, f, err := e.Flows.Begin(f, e.Dispatcher.Browser(w, r))
	if err != nil {
		return "", err
	}
	return p.Begin(r.Context(), f.Ask(state, identity.Callback(r, e.Origin, e.Prefix, e.HTTPS, p.Name()), hint))
}

// typed reads what the login form had when a button of it was pressed. The password
// that may be in it is nobody's business.
func (e *Errand) typed(w http.ResponseWriter, r *http.Request, f *identity.Flow) (hint string, ok bool) {
	if r.Method != http.MethodPost {
		return "", true
	}
	if ct := r.Header.Get("Content-Type"); ct != "" {
		if media, _, err := mime.ParseMediaType(ct); err != nil || media != "application/x-www-form-urlencoded" {
			return "", false
		}
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if r.ParseForm() != nil {
		return "", false
	}
	for _, name := range []string{"email", "remember"} {
		if v := r.PostForm[name]; len(v) > 1 || len(v) == 1 && !utf8.ValidString(v[0]) {
			return "", false
		}
	}
	f.Remember = r.PostForm.Get("remember") != ""
	// People type passwords into the wrong field: only an address is told to anybody.
	hint = strings.TrimSpace(r.PostForm.Get("email"))
	if name, domain, found := strings.Cut(hint, "@"); !found || name == "" || !strings.Contains(domain, ".") ||
		len(hint) > maxHint || strings.ContainsAny(hint, " \t\r\n") {
		hint = ""
	}
	return hint, true
}
