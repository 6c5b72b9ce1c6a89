package signin

import (
	"net/http"
	"regexp"

	"github.com/cliendo/gateway/caddymodule/cookie"
)

// wayPattern is the name of a way to log in.
var wayPattern = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)

// noteWay remembers in the browser how somebody logged in last, so that they find
// the button again: one word, and nothing of whom. It outlives a log-out.
func (d *Dispatcher) noteWay(w http.ResponseWriter, r *http.Request, method string) {
	if wayPattern.MatchString(method) {
		http.SetCookie(w, cookie.New(cookie.Way, method, cookie.Secure(r, d.HTTPS), deviceAge))
	}
}

// LastWay is how this browser logged in last, empty where it does not say. Anybody
// can write that cookie: it moves a badge and nothing else.
func LastWay(r *http.Request, https bool) string {
	way, _ := cookie.Find(r.Header, cookie.Name(cookie.Way, cookie.Secure(r, https)), 0)
	if !wayPattern.MatchString(way) {
		return ""
	}
	return way
}
