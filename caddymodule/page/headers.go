package page

import (
	"net/http"
	"strings"
)

// SecurityHeaders sets what every own page carries: never cached, never framed,
// nothing from elsewhere, no inline script or style. It leaves other headers alone.
//
// The referrer policy is strict-origin and not no-referrer, because with the
// latter Chromium posts our own forms with "Origin: null".
func (p *Renderer) SecurityHeaders(h http.Header) {
	h.Set("X-Login-Gateway", "1")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", p.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "strict-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// policy is the content security policy of own pages.
func policy(formTargets []string) string {
	forms := strings.Join(append([]string{"'self'"}, formTargets...), " ")
	return "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
		"form-action " + forms + "; frame-ancestors 'none'; base-uri 'none'"
}
