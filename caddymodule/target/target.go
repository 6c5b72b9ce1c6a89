// Package target decides where a person may be sent after a login: only back
// into the same site. An open redirect is impossible because nothing else passes.
package target

import (
	"net/http"
	"net/url"
	"path"
	"strings"
)

// Param is the query parameter of the login page that carries the target.
const Param = "to"

// maxLength keeps the login URL well below what browsers and proxies take.
const maxLength = 4096

// Home is where people go who have no target.
const Home = "/"

// Safe returns raw when it is a path of this site (with or without a query), and
// Home when it is not: another host, another scheme, anything that a browser
// might read as such, or one of the gateway's own pages below prefix. Of those
// only the pages of the admin path, of the own security, of parked forms and of a
// window to log in are places to go to.
func Safe(raw, prefix string) string {
	if len(raw) > maxLength || !strings.HasPrefix(raw, "/") || strings.HasPrefix(raw, "//") {
		return Home
	}
	for i := range len(raw) {
		// Browsers read a backslash as a slash and drop tabs and line breaks.
		if c := raw[i]; c <= 0x20 || c == '\\' || c >= 0x7f {
			return Home
		}
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Fragment != "" {
		return Home
	}
	clean := path.Clean(u.Path)
	if strings.HasPrefix(u.Path, "//") || strings.Contains(u.Path, `\`) {
		return Home
	}
	if (own(u.Path, prefix) || own(clean, prefix)) && !leads(u.Path, clean, prefix) {
		return Home
	}
	return raw
}

// leads tells whether an own page is one that a login may lead to. Written in
// another way than ours it is none.
func leads(asked, page, prefix string) bool {
	if asked != page {
		return asked == prefix+"/parked/" // the form is in another tab
	}
	return own(page, prefix+"/admin") || own(page, prefix+"/security") || own(page, prefix+"/parked") ||
		page == prefix+"/session/in"
}

// Redirect sends a person on to what Safe returned, to the byte. http.Redirect
// would clean the path, and they would arrive somewhere else than their link said.
func Redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

func own(p, prefix string) bool {
	return p == prefix || strings.HasPrefix(p, prefix+"/")
}

// With returns the address of the gateway page that leads on to raw.
func With(page, raw string, more ...string) string {
	q := url.Values{}
	if raw != "" && raw != Home {
		q.Set(Param, raw)
	}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	if len(q) == 0 {
		return page
	}
	return page + "?" + q.Encode()
}
