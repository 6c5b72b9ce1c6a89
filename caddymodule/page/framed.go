package page

import (
	"net/http"

	"github.com/cliendo/gateway/caddymodule/cause"
)

// Framed is what stands in a frame instead of one of our pages.
type Framed struct {
	// Window opens in a new window: the page that was asked for.
	Window string
	// Again leads on in the frame, for who has logged in there; empty for nowhere.
	Again string
	// Cause of a refusal that the frame would have shown; cause.None without one.
	Cause cause.Cause
	// Blocked says that they have been there, and still no cookie comes.
	Blocked bool
	// Foreign says that the page around the frame is another site's.
	Foreign bool
	// Locale as Locale chose it; empty chooses by request.
	Locale string
}

// framedBody is what framed.html sees.
type framedBody struct {
	Window, Again, Text, Hint string
}

// framedPolicy is that of the only page of ours that others may frame. There is
// nothing on it to be tricked into: no form, no script, and no word about anybody.
const framedPolicy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none'; frame-ancestors *; base-uri 'none'"

// Framed writes the page, with the status of its cause.
func (p *Renderer) Framed(w http.ResponseWriter, r *http.Request, v Framed) {
	locale, status := p.locale(r, v.Locale), http.StatusOK
	if v.Cause != cause.None {
		v.Cause = v.Cause.Public()
		status = v.Cause.Status()
	}
	body := framedBody{Window: v.Window, Again: v.Again, Text: p.Text(locale, "framed.text")}
	switch {
	case v.Blocked:
		body.Hint, v.Cause = p.Text(locale, "framed.blocked"), cause.CookiesBlocked
	case v.Foreign:
		body.Hint, body.Again = p.Text(locale, "framed.foreign"), ""
	}
	out := p.frame(r, locale, p.Text(locale, "framed.title"), false)
	out.Cause, out.Framed, out.Body = string(v.Cause), true, body
	out.Languages, out.Support = nil, support{} // they would open in the frame
	p.render(w, status, "framed", out)
}

// framedHeaders lets a page be shown in a frame.
func framedHeaders(h http.Header) {
	h.Set("Content-Security-Policy", framedPolicy)
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Del("X-Frame-Options")
	h.Del("Cross-Origin-Opener-Policy")
}
