package security

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/target"
)

type answer struct {
	User            string `json:"user,omitempty"`
	Account         string `json:"account,omitempty"`
	IdleSeconds     int64  `json:"idle_seconds,omitempty"`
	AbsoluteSeconds int64  `json:"absolute_seconds,omitempty"`
	Reason          string `json:"reason,omitempty"`
	LoginURL        string `json:"login_url,omitempty"`
}

// prolong counts as using the session; what it answers is what left does.
func (e *Errand) prolong(w http.ResponseWriter, r *http.Request) {
	if _, err := e.Sessions.Check(r.Context(), e.sessionCookie(r)); err != nil {
		e.Log.Error("prolonging a session is not possible: the store does not answer", "error", err)
	}
	e.left(w, r)
}

func (e *Errand) sessionCookie(r *http.Request) string {
	value, _ := cookie.Find(r.Header, cookie.Name(cookie.Session, cookie.Secure(r, e.HTTPS)), 0)
	return value
}

// window ends a login in a window of its own, which the script of an app opened.
func (e *Errand) window(w http.ResponseWriter, r *http.Request) {
	if _, live, err := e.Sessions.Peek(r.Context(), e.sessionCookie(r)); err == nil && live == nil {
		w.Header().Set("Cache-Control", "no-store")
		target.Redirect(w, target.With(e.Prefix+"/login", r.URL.Path))
		return
	}
	e.Pages.Window(w, r, "")
}

func (e *Errand) left(w http.ResponseWriter, r *http.Request) {
	value := e.sessionCookie(r)
	f, live, err := e.Sessions.Peek(r.Context(), value)
	status, a := http.StatusOK, answer{}
	switch {
	case err != nil:
		status, a.Reason = cause.StoreUnavailable.Status(), string(cause.StoreUnavailable)
		w.Header().Set("Retry-After", "5")
	case live == nil:
		status, a.Reason, a.LoginURL = http.StatusUnauthorized, string(f.Cause), e.Prefix+"/login"
	default:
		idle, absolute := live.Left(f, e.Now())
		a = answer{
			User: f.User.ID(), Account: f.User.Account(), Reason: string(f.Cause),
			IdleSeconds: int64(idle / time.Second), AbsoluteSeconds: int64(absolute / time.Second),
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(a)
}
