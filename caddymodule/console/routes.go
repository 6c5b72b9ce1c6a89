package console

import (
	"errors"
	"net/http"
	"slices"
	"strings"
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

	handle func(*Errand, http.ResponseWriter, *http.Request, *visit)
}

// Routes is the table: all there is on the admin path.
func Routes() []Route { return slices.Concat(teamRoutes(), deskRoutes()) }

// teamRoutes are those of a team and its users.
func teamRoutes() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "", Who: Both, handle: (*Errand).home},
		{Method: http.MethodGet, Path: "/open", Who: Support, handle: (*Errand).open},
		{Method: http.MethodGet, Path: "/accounts/{account}/users", Who: Both, Nav: "admin.nav.team", handle: (*Errand).team},
	}
}

// check finds what no route may be.
func (r *Route) check() error {
	switch {
	case r.Who&Both == 0 || r.Who&^Both != 0:
		return errors.New("it does not say who may open it")
	case r.handle == nil:
		return errors.New("nothing answers it")
	case r.Method != http.MethodGet && r.Method != http.MethodPost:
		return errors.New("forms know GET and POST")
	case r.Sensitive && r.Method != http.MethodPost:
		return errors.New("what is only looked at is not sensitive")
	case r.Who&TeamAdmin != 0 && strings.Contains(r.Path, "{user}") && !strings.Contains(r.Path, "{account}"):
		return errors.New("a user is found in an account")
	}
	return nil
}
