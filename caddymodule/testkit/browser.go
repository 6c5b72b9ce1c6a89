package testkit

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"

	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// Browser sends requests from an address, and keeps cookies between them.
type Browser struct {
	To      http.Handler
	IP      string
	Cookies map[string]string
}

// NewBrowser returns one without cookies.
func NewBrowser(to http.Handler, ip string) *Browser { return &Browser{to, ip, map[string]string{}} }

// Do sends a request.
func (b *Browser) Do(r *http.Request) *httptest.ResponseRecorder {
	for name, value := range b.Cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	addr := netip.MustParseAddr(b.IP)
	w := httptest.NewRecorder()
	b.To.ServeHTTP(w, visitor.With(r, visitor.Visitor{IP: addr, Network: limit.Network(addr), Agent: "Firefox on Linux"}))
	for _, line := range w.Header()["Set-Cookie"] {
		if c, err := http.ParseSetCookie(line); err == nil {
			b.Cookies[c.Name] = c.Value
			if c.MaxAge < 0 {
				delete(b.Cookies, c.Name)
			}
		}
	}
	return w
}

// Get opens a page.
func (b *Browser) Get(path string) *httptest.ResponseRecorder {
	return b.Do(httptest.NewRequest(http.MethodGet, "http://localhost"+path, http.NoBody))
}

// Post sends a form: name, value, name, value.
func (b *Browser) Post(path string, pairs ...string) *httptest.ResponseRecorder {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, "http://localhost"+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.Do(r)
}
