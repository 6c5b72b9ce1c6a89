package guard

import (
	"net/http"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/target"
)

// paramFramed marks the way back from the new window, so that a frame which still
// knows nobody is told why.
const paramFramed = "framed"

// inFrame tells whether a page is being opened in a frame, where none of ours
// shows: a page around it could lay itself over a button, and a frame of another
// site gets no cookie.
func inFrame(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Dest") {
	case "iframe", "frame", "embed", "object", "fencedframe":
		return true
	}
	return false
}

// frame answers for one of our own pages in a frame: with the page that opens a
// new window, the only one of ours that may be framed; or by leading on to the app
// who has logged in there meanwhile.
func (g *Guard) frame(w http.ResponseWriter, r *http.Request) {
	query, login := r.URL.Query(), g.Site.Prefix+"/login"
	to := target.Safe(query.Get(target.Param), g.Site.Prefix)
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	if read && r.URL.Path == login {
		if _, f, err := g.session(r); err == nil && f != nil && f.Session != nil && f.Cause == cause.None && !f.AppDenied {
			own(w.Header())
			target.Redirect(w, to)
			return
		}
	}
	window, again := target.With(login, to), target.With(login, to, paramFramed, "1")
	if read && r.URL.Path != login {
		window, again = r.URL.RequestURI(), ""
		if query.Has(target.Param) {
			again = to
		}
	}
	g.framePage(w, r, cause.None, window, again)
}

// framePage writes it. A second try that comes without a session says why.
func (g *Guard) framePage(w http.ResponseWriter, r *http.Request, c cause.Cause, window, again string) {
	form := cookie.FormOf(r, g.Site.HTTPS, g.Site.CookieDomain)
	_, had := cookie.Find(r.Header, cookie.Name(cookie.Session, form), 0)
	g.Pages.Framed(w, r, page.Framed{
		Cause: c, Window: window, Again: again,
		Blocked: r.URL.Query().Get(paramFramed) != "" && !had,
		Foreign: r.Header.Get("Sec-Fetch-Site") == "cross-site",
	})
}
