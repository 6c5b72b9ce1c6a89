package guard

import "net/http"

// preflight answers what a browser asks before a script of another origin may
// call: such a request never carries a session. Origins that are not listed are
// left to the rules, which is 401 without a session.
func (g *Guard) preflight(w http.ResponseWriter, r *http.Request) bool {
	if r.Header.Get("Access-Control-Request-Method") == "" || !g.allowOrigin(w.Header(), r) {
		return false
	}
	h := w.Header()
	h.Set("X-Login-Gateway", "1")
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE")
	if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
		h.Set("Access-Control-Allow-Headers", asked)
	}
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// allowOrigin lets a script of a listed origin read the answer.
func (g *Guard) allowOrigin(h http.Header, r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	for _, o := range g.Site.Origins {
		if o == origin {
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Allow-Credentials", "true")
			h.Add("Vary", "Origin")
			return true
		}
	}
	return false
}
