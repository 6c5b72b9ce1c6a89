package console

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/target"
)

// storeRetry is what people are told to wait when the store does not answer.
const storeRetry = 5 * time.Second

// show writes a page of the admin path: it fills in what all of them share.
func (e *Errand) show(w http.ResponseWriter, r *http.Request, v *visit, p page.Admin) {
	p.Locale, p.Who, p.Nav = v.locale, v.facts.User.Email(), e.nav(v)
	if v.account != nil && v.support {
		p.Account = shown(v.account.Name)
	}
	if p.Trail == nil {
		p.Trail = e.trail(v, p.Title)
	}
	if done := r.URL.Query().Get("done"); p.Notice == "" && done != "" && r.Method == http.MethodGet {
		p.Notice = v.done(done)
	}
	e.Pages.Admin(w, r, p)
}

// trail leads from the team to the page at hand.
func (e *Errand) trail(v *visit, title string) []page.AdminLink {
	if v.account == nil || v.route.Path == pathTeam {
		return nil
	}
	trail := []page.AdminLink{{Text: v.say("admin.nav.team"), URL: e.path(v, pathTeam)}}
	if v.user != nil && v.route.Path != pathUser {
		trail = append(trail, page.AdminLink{Text: shown(v.user.Name), URL: e.path(v, pathUser, v.user.ID)})
	}
	return append(trail, page.AdminLink{Text: title})
}

// done is the sentence that says what was done; a word that is none of ours says
// nothing.
func (v *visit) done(word string) string {
	id := "admin.done." + word
	if text := v.say(id); len(word) < 40 && text != id {
		return text
	}
	return ""
}

// nav are the parts that are open to this visitor.
func (e *Errand) nav(v *visit) []page.AdminLink {
	var nav []page.AdminLink
	for _, route := range e.routes {
		if route.Nav == "" || route.Who&v.who() == 0 {
			continue
		}
		if v.support && strings.Contains(route.Path, "{account}") {
			continue // of which one? The page of the account leads there
		}
		nav = append(nav, page.AdminLink{
			Text: v.say(route.Nav), URL: e.path(v, route.Path), Here: strings.HasPrefix(v.route.Path, route.Path),
		})
	}
	return nav
}

// path is the address of a route for this visitor: the account of the page at hand
// and the ids given are filled in.
func (e *Errand) path(v *visit, path string, ids ...string) string {
	account := v.facts.User.Account()
	if v.account != nil {
		account = v.account.ID
	}
	path = strings.Replace(path, "{account}", url.PathEscape(account), 1)
	for _, id := range ids {
		before, rest, _ := strings.Cut(path, "{")
		_, after, _ := strings.Cut(rest, "}")
		path = before + url.PathEscape(id) + after
	}
	return e.root() + path
}

// home is where the admin path begins: for support the desk, for a team admin
// their team.
func (e *Errand) home(w http.ResponseWriter, r *http.Request, v *visit) {
	if v.support {
		e.desk(w, r, v)
		return
	}
	var more []string
	if lang := r.URL.Query().Get("lang"); lang != "" {
		more = []string{"lang", lang}
	}
	target.Redirect(w, target.With(e.path(v, pathTeam), "", more...))
}
