package console

import (
	"net/http"

	"github.com/cliendo/gateway/caddymodule/page"
)

// deskRoutes are those of the support desk, reports, audit, import and keys.
func deskRoutes() []Route { return nil }

// desk is where support begins.
func (e *Errand) desk(w http.ResponseWriter, r *http.Request, v *visit) {
	e.show(w, r, v, page.Admin{Name: "home", Title: v.say("admin.home.title")})
}
