package caddymodule

import (
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/cliendo/gateway/caddymodule/guard"
)

// issuer is what assertions say they come from.
func (r *rooms) issuer() string {
	if r.settings.PublicURL == nil {
		return ""
	}
	return r.settings.PublicURL.String()
}

// seam adds the routes for apps and for other proxies.
func (r *rooms) seam(mux *http.ServeMux, site *siteSettings, g *guard.Guard) {
	mux.HandleFunc(site.Prefix+guard.VerifyPath, func(w http.ResponseWriter, req *http.Request) {
		trusted, _ := caddyhttp.GetVar(req.Context(), caddyhttp.TrustedProxyVarKey).(bool)
		g.Verify(w, req, trusted)
	})
	if site.Assertion != "" {
		r.asserter.Mount(mux, site.Prefix)
	}
}
