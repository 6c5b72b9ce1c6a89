package console

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/cliendo/gateway/caddymodule/manage"
)

// Who may open a route.
type Who int

// The kinds of people of the admin path.
const (
	// TeamAdmin administers their own account.
	TeamAdmin Who = 1 << iota
	// Support helps everybody.
	Support
	// Both of them.
	Both = TeamAdmin | Support
)

// Route is one line of the table. A path with {account} is open to team admins of
// that account and to support, if Who says so.
type Route struct {
	Method string
	Path   string // below <prefix>/admin
	Who    Who
	// Sensitive asks for a proof of who it is, at most ten minutes old. Only what
	// is posted can be sensitive.
	Sensitive bool
	// Nav is the id of the word under which the route stands in the navigation;
	// empty for most. An {account} in such a path is one's own.
	Nav string

	// Action is what the visitor does there, as the rules of manage name it. Only
	// where everybody of the admin path may look it is empty.
	Action manage.Action
	// Upload: the handler reads the body itself. Such a route cannot be sensitive,
	// because what was uploaded cannot be carried over a proof.
	Upload bool

	handle func(*Errand, http.ResponseWriter, *http.Request, *visit)
}

// Routes is the table: all there is on the admin path.
func Routes() []Route { return slices.Concat(teamRoutes(), actionRoutes(), deskRoutes()) }

// Paths that others lead to.
const (
	pathTeam   = "/accounts/{account}/users"
	pathUser   = pathTeam + "/{user}"
	pathInvite = "/accounts/{account}/invite"
)

// teamRoutes are those of a team and its users.
func teamRoutes() []Route {
	get := func(path string, who Who, what manage.Action, handle func(*Errand, http.ResponseWriter, *http.Request, *visit)) Route {
		return Route{Method: http.MethodGet, Path: path, Who: who, Action: what, handle: handle}
	}
	team := get(pathTeam, Both, manage.LookTeam, (*Errand).team)
	team.Nav = "admin.nav.team"
	return []Route{
		get("", Both, "", (*Errand).home),
		team,
		get(pathUser, Both, manage.LookUser, (*Errand).person),
	}
}

// free are the routes that ask for no right besides being on the admin path.
func (r *Route) free() bool {
	return slices.Contains([]string{"", "/find", "/attempts/{reference}"}, r.Path)
}

// check finds what no route may be.
func (r *Route) check() error {
	named := strings.Contains(r.Path, "{account}")
	switch {
	case r.Who&Both == 0 || r.Who&^Both != 0:
		return errors.New("it does not say who may open it")
	case r.handle == nil:
		return errors.New("nothing answers it")
	case r.Method != http.MethodGet && r.Method != http.MethodPost:
		return errors.New("forms know GET and POST")
	case r.Action == "" && !r.free():
		return errors.New("it does not say what is done there")
	case r.Action != "" && !slices.Contains(manage.Actions(), r.Action):
		return errors.New("nobody may do that")
	case r.Sensitive && (r.Method != http.MethodPost || r.Upload):
		return errors.New("only what a form posts can be sensitive")
	case !named && (r.Who&TeamAdmin != 0 && !r.free() || strings.Contains(r.Path, "{user}")):
		return errors.New("it does not name the account it is about")
	}
	return nil
}
