package page

import (
	"net/http"
	"strconv"
)

// Window is the end of a login in a window of its own: with script it closes.
func (p *Renderer) Window(w http.ResponseWriter, r *http.Request, locale string) {
	locale = p.locale(r, locale)
	out := p.frame(r, locale, p.Text(locale, "window.title"), false)
	out.Script = true
	p.render(w, http.StatusOK, "window", out)
}

// SessionScript serves the script with which an app warns of the end of a session.
// Its address is the same in every version, so it is asked for anew after an hour,
// and answered with nothing where it is the same.
func (p *Renderer) SessionScript() http.Handler {
	name := p.shelf.current["session.js"]
	script, tag := p.shelf.files[name], `"`+name+`"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("X-Login-Gateway", "1")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Cache-Control", "public, max-age=3600")
		header.Set("ETag", tag)
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		header.Set("Content-Type", script.kind)
		header.Set("Content-Length", strconv.Itoa(len(script.body)))
		_, _ = w.Write(script.body) // a visitor who is gone is no error of ours
	})
}
