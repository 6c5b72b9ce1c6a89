package page

import (
	"html/template"
	"net/http"
	"net/url"
	"strings"
)

// maxTarget bounds the `to` that is repeated in the links of a page.
const maxTarget = 4096

// own is the address of an own page below the prefix, with the target and the
// choice of language of this visit kept. Whether a target may be followed is
// decided by whoever redirects to it.
func (p *Renderer) own(r *http.Request, name string) string {
	asked, kept := r.URL.Query(), url.Values{}
	for _, key := range []string{"to", "lang", "ui_locales"} {
		if value := asked.Get(key); value != "" && len(value) <= maxTarget {
			kept.Set(key, value)
		}
	}
	address := p.options.Prefix + "/" + name
	if len(kept) > 0 {
		address += "?" + kept.Encode()
	}
	return address
}

// inLanguage is the address of the page at hand in another language.
func (p *Renderer) inLanguage(r *http.Request, code string) string {
	path, query := r.URL.EscapedPath(), r.URL.Query()
	// "//host" would lead away from us; what was posted cannot be linked to.
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || r.Method == http.MethodPost && !p.isOwn(path) {
		path = p.options.Prefix + "/login"
		query = url.Values{}
	}
	query.Set("lang", code)
	return path + "?" + query.Encode()
}

// isOwn reports whether path is one of the gateway's.
func (p *Renderer) isOwn(path string) bool {
	return strings.HasPrefix(path, p.options.Prefix+"/")
}

// mailto builds a link to write a mail; spaces must be %20 there, not plus signs.
func mailto(address, subject string) template.URL {
	return template.URL("mailto:" + url.PathEscape(address) + "?subject=" + url.PathEscape(subject)) //nolint:gosec // escaped
}
