package console

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/roster"
)

// teamBody is what team.html sees.
type teamBody struct {
	Action, Invite       string
	Search, Filter, Sort string
	Filters              []option
	Columns              []column
	Rows                 []teamRow
	Count                string
	Before, After        string
	Any                  bool // there is anybody at all
	Clear                string
}

// column is the head of a column; one without a URL cannot be sorted by.
type column struct {
	Text, URL string
	Sorted    string // of aria-sort
}

// teamRow is one user.
type teamRow struct {
	Name, Email, URL, Type string
	Can                    bool
	Because                string
	SecondStep             bool
	Last                   time.Time
}

// perPage is how many users a page shows.
const perPage = 50

// maxSearch bounds what is looked for.
const maxSearch = 200

// team is the overview of a team.
func (e *Errand) team(w http.ResponseWriter, r *http.Request, v *visit) {
	asked := r.URL.Query()
	q := roster.Query{
		Account: v.account, Rules: e.Rules, Search: clip(asked.Get("q")), Filter: asked.Get("show"),
		After: asked.Get("after"), Before: asked.Get("before"), Limit: perPage,
	}
	q.Order, q.Descending = order(asked.Get("sort"))
	found, err := e.Roster.Look(r.Context(), q)
	if err == nil {
		err = e.looked(r, v, audit.LookedUsers, "")
	}
	if err != nil {
		e.fail(w, r, v, err)
		return
	}
	e.show(w, r, v, page.Admin{Name: "team", Title: v.say("admin.team.title"), Body: e.teamBody(v, q, found)})
}

// looked writes down what support saw of a team, which can read it in its own log.
func (e *Errand) looked(r *http.Request, v *visit, what audit.Action, user string) error {
	if !v.support {
		return nil
	}
	return e.Audit.Add(audit.As(r.Context(), v.actor.Actor), v.account.ID, audit.Entry{Action: what, User: user})
}

func clip(s string) string {
	if len(s) > maxSearch {
		return s[:maxSearch]
	}
	return s
}

// order reads what a list is sorted by; a dash in front turns it around.
func order(asked string) (by string, down bool) {
	if len(asked) > 1 && asked[0] == '-' {
		asked, down = asked[1:], true
	}
	if slices.Contains([]string{roster.ByName, roster.ByEmail, roster.ByType, roster.ByLast}, asked) {
		return asked, down
	}
	return roster.ByName, false
}

func (e *Errand) teamBody(v *visit, q roster.Query, found roster.Page) teamBody {
	self := e.path(v, pathTeam)
	sorted := q.Order
	if q.Descending {
		sorted = "-" + sorted
	}
	link := func(sort string, more ...string) string {
		u := url.Values{}
		for name, value := range map[string]string{"q": q.Search, "show": q.Filter, "sort": sort} {
			if value != "" && (name != "sort" || value != roster.ByName) {
				u.Set(name, value)
			}
		}
		for i := 0; i+1 < len(more); i += 2 {
			u.Set(more[i], more[i+1])
		}
		if len(u) == 0 {
			return self
		}
		return self + "?" + u.Encode()
	}
	b := teamBody{
		Action: self, Invite: e.path(v, pathInvite), Search: q.Search, Filter: q.Filter, Sort: sorted, Clear: self,
		Filters: v.filters(found), Any: found.Total > 0,
		Count: v.say("admin.team.count", "n", found.Matching, "total", found.Total),
	}
	for _, c := range []struct{ word, by string }{
		{"admin.team.name", roster.ByName},
		{"admin.team.type", roster.ByType},
		{"admin.team.can", ""},
		{"admin.team.second", ""},
		{"admin.team.last", roster.ByLast},
	} {
		b.Columns = append(b.Columns, head(v.say(c.word), c.by, q, link))
	}
	for _, row := range found.Rows {
		b.Rows = append(b.Rows, teamRow{
			Name: shown(row.Name), Email: shown(row.Email), URL: e.path(v, pathUser, row.ID), Type: shown(v.typeName(row.Type)),
			Can: row.Cause == cause.None && !row.Invited, Because: v.rowBecause(e, row), SecondStep: row.SecondStep, Last: row.Last,
		})
	}
	if found.Before != "" {
		b.Before = link(sorted, "before", found.Before)
	}
	if found.After != "" {
		b.After = link(sorted, "after", found.After)
	}
	return b
}

// head is the head of a column, with the link that sorts by it or turns it around.
func head(text, by string, q roster.Query, link func(string, ...string) string) column {
	c := column{Text: text}
	if by == "" {
		return c
	}
	c.URL = link(by)
	if by == roster.ByLast {
		c.URL = link("-" + by) // the latest first
	}
	if q.Order == by {
		c.Sorted, c.URL = "ascending", link("-"+by)
		if q.Descending {
			c.Sorted, c.URL = "descending", link(by)
		}
	}
	return c
}

// filters are the ways to narrow the list down, with how many each would show.
func (v *visit) filters(found roster.Page) []option {
	all := []option{{"", v.say("admin.team.all")}}
	add := func(filter, text string) {
		if n := found.Counts[filter]; n > 0 {
			all = append(all, option{filter, v.say("admin.team.filter", "text", text, "count", n)})
		}
	}
	for _, f := range []string{roster.CanLogIn, roster.Cannot} {
		add(f, v.say("admin.team.filter."+f))
	}
	for _, c := range cause.All() {
		add(string(c), v.because(c))
	}
	for _, f := range []string{roster.Invited, roster.NoPassword, roster.Never, roster.NoSecond} {
		add(f, v.say("admin.team.filter."+f))
	}
	return all
}

// because says a cause in a few words, as a colleague would.
func (v *visit) because(c cause.Cause) string {
	id := "admin.because." + string(c)
	if text := v.say(id); text != id {
		return text
	}
	return v.say("cause." + string(c) + ".title")
}

// rowBecause says why somebody cannot log in, or what else is to be known.
func (v *visit) rowBecause(e *Errand, row roster.Row) string {
	switch {
	case row.Block != nil && !row.Block.Until.IsZero():
		return v.say("admin.because.blocked_until", "day", e.lastDay(v, row.Block.Until))
	case row.Cause != cause.None:
		return v.because(row.Cause)
	case row.Invited:
		return v.say("admin.because.invited")
	case row.NoPassword:
		return v.say("admin.because.no_password")
	}
	return ""
}

// lastDay is the last day before a moment.
func (e *Errand) lastDay(v *visit, until time.Time) string {
	return e.Pages.Day(v.locale, until.Add(-time.Second))
}
