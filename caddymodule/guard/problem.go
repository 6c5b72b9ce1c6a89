package guard

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
)

// Problem is the answer for programs, as RFC 9457 has it.
type Problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail,omitempty"`
	Reason    string `json:"reason"`
	Reference string `json:"reference,omitempty"`
	LoginURL  string `json:"login_url,omitempty"`
	// ProveURL is where somebody who is logged in does what is still missing.
	ProveURL string `json:"prove_url,omitempty"`
}

// ways are where a refused person goes on.
type ways struct{ reference, login, prove string }

func (g *Guard) problem(w http.ResponseWriter, r *http.Request, c cause.Cause, reference string) {
	g.allowOrigin(w.Header(), r)
	WriteProblem(w, r, g.Pages, c, reference, g.Site.Prefix+"/login")
}

// WriteProblem answers a program with a cause. loginURL is told where logging in
// helps.
func WriteProblem(w http.ResponseWriter, r *http.Request, words Pages, c cause.Cause, reference, loginURL string) {
	writeProblem(w, r, words, c, ways{reference: reference, login: loginURL})
}

func writeProblem(w http.ResponseWriter, r *http.Request, words Pages, c cause.Cause, on ways) {
	info, _ := c.Info()
	locale, id := words.Locale(r, ""), "cause."+string(c.Public())
	p := Problem{
		Type: "about:blank", Status: c.Status(), Reason: string(c.Public()), Reference: on.reference,
		Title: words.Text(locale, id+".title"), Detail: words.Text(locale, id+".text"), ProveURL: on.prove,
	}
	h := w.Header()
	if p.Status == http.StatusUnauthorized {
		p.LoginURL = on.login
		// RFC 9110 wants a challenge with every 401; this one makes no browser ask.
		h.Set("WWW-Authenticate", `LoginGateway realm="login"`)
	}
	if info.Retry {
		h.Set("Retry-After", strconv.Itoa(int(storeRetry/time.Second)))
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Language", locale)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		_ = json.NewEncoder(w).Encode(p)
	}
}
