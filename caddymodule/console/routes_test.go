package console_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/console"
	"github.com/cliendo/gateway/caddymodule/manage"
	"github.com/cliendo/gateway/caddymodule/store"
)

// fill puts ids into the path of a route.
func fill(path, account, user string) string {
	return strings.NewReplacer(
		"{account}", account, "{user}", user, "{mail}", "none", "{file}", "none.csv", "{reference}", "KKK-KKK", "{key}", "none",
	).Replace(path)
}

// Every route says who may open it and what is done there, and the rules of manage
// know that action.
func TestEveryRouteHasARule(t *testing.T) {
	routes := console.Routes()
	if len(routes) < 30 {
		t.Fatalf("only %d routes: the table is not read", len(routes))
	}
	seen := map[string]bool{}
	for _, r := range routes {
		name := r.Method + " " + r.Path
		if seen[name] {
			t.Errorf("%s stands twice in the table", name)
		}
		seen[name] = true
		if r.Who&console.Both == 0 {
			t.Errorf("%s does not say who may open it", name)
		}
		if r.Action == "" && !slices.Contains([]string{"", "/find", "/attempts/{reference}"}, r.Path) {
			t.Errorf("%s does not say what is done there", name)
		}
		if r.Action != "" && !slices.Contains(manage.Actions(), r.Action) {
			t.Errorf("%s: there is no action %s", name, r.Action)
		}
		if r.Method == http.MethodPost && strings.HasPrefix(string(r.Action), "look") && r.Action != manage.LookAll {
			t.Errorf("%s changes something, and its action is only to look", name)
		}
		if r.Who&console.TeamAdmin != 0 && r.Action != "" && !strings.Contains(r.Path, "{account}") {
			t.Errorf("%s is open to team admins and names no account", name)
		}
	}
}

// The walk: nobody gets through a route that is not theirs, whoever they are. What
// is another team's is answered like what is not there, to the byte.
func TestRouteWalk(t *testing.T) {
	w := onBolt(t)
	w.change("acme-client", func(u *store.User) { u.Type = "admin" })
	w.enter("acme-client")
	w.change("acme-client", func(u *store.User) { u.Block = &store.Block{By: "x", At: w.Now()} }) // a blocked admin
	client := w.user("acme-visitor", "acme", "client")
	w.enter(client.ID)
	for _, r := range console.Routes() {
		own, unknown := fill(r.Path, "acme", "acme-teammate"), fill(r.Path, "nothere", "nobody")
		send := func(as, path string) answer { return w.send(as, r.Method, path, url.Values{"fresh_password": {"x"}}) }
		t.Run(r.Method+" "+r.Path, func(t *testing.T) {
			a := send("", own)
			if r.Method == http.MethodGet && (a.Code != http.StatusSeeOther || !strings.HasPrefix(a.to(), "/gateway/login?to=%2Fgateway%2Fadmin")) {
				t.Errorf("anonymous: %d to %q", a.Code, a.to())
			}
			if r.Method == http.MethodPost && a.Code != http.StatusUnauthorized {
				t.Errorf("anonymous: %d", a.Code)
			}
			// Half-way: a cookie that is no session's opens as little as none.
			half := httptest.NewRequest(r.Method, "http://localhost/gateway/admin"+own, nil)
			half.AddCookie(&http.Cookie{Name: "gateway_session", Value: "half-way"})
			rec := httptest.NewRecorder()
			w.mux.ServeHTTP(rec, half)
			if rec.Code != http.StatusSeeOther && rec.Code != http.StatusUnauthorized {
				t.Errorf("half-way: %d", rec.Code)
			}
			for as, want := range map[string]string{"acme-teammate": "forbidden", client.ID: "forbidden", "acme-client": "user_blocked"} {
				if a := send(as, own); a.Code != http.StatusForbidden || a.cause() != want {
					t.Errorf("%s: %d %q, want 403 %s", as, a.Code, a.cause(), want)
				}
			}
			missing := send("acme-superadmin", unknown)
			if r.Who&console.TeamAdmin == 0 {
				if a := send("acme-superadmin", own); a.Code != http.StatusNotFound {
					t.Errorf("a route of support answers a team admin: %d", a.Code)
				}
			}
			if strings.Contains(r.Path, "{account}") {
				for _, as := range []string{"rival-superadmin", "rival-admin"} {
					other, nowhere := send(as, own), send(as, unknown)
					if other.Code != http.StatusNotFound || bare(other.body, own) != bare(nowhere.body, unknown) {
						t.Errorf("%s: %d; another team's account differs from one that is not there:\n%s\n%s", as, other.Code, other.body, nowhere.body)
					}
				}
				if missing.Code != http.StatusNotFound {
					t.Errorf("an unknown account: %d", missing.Code)
				}
				if a := send("saskia", unknown); a.Code != http.StatusNotFound {
					t.Errorf("support, an unknown account: %d", a.Code)
				}
			}
			if strings.Contains(r.Path, "{user}") {
				// A user of another team, and one who is not there, in one's own account.
				foreign, nobody := fill(r.Path, "acme", "rival-teammate"), fill(r.Path, "acme", "nobody")
				if a, b := send("acme-superadmin", foreign), send("acme-superadmin", nobody); a.Code != http.StatusNotFound || bare(a.body, foreign) != bare(b.body, nobody) {
					t.Errorf("a user of another team: %d %s", a.Code, a.body)
				}
			}
		})
	}
	// And all that changed nothing.
	if u := w.find("acme-teammate"); u.Block != nil || u.Type != "teammate" || u.Password != "hash of "+password || u.Email != "acme-teammate@demo.test" {
		t.Errorf("the walk changed the user: %+v", u)
	}
	if mails := w.post.Take(); len(mails) != 0 {
		t.Errorf("the walk sent %d mails", len(mails))
	}
}

// bare is a page without the links to itself in other languages.
func bare(body, path string) string { return strings.ReplaceAll(body, path, "") }

// What is left to those who may: every page opens for the superadmin and for
// support, and an old session is asked for a proof before every sensitive deed.
func TestThoseWhoMayGetThrough(t *testing.T) {
	w := onBolt(t)
	w.enter("acme-superadmin")
	w.enter("saskia")
	w.Push(11 * time.Minute)
	for _, r := range console.Routes() {
		if strings.Contains(r.Path, "{") && !strings.Contains(r.Path, "{account}") {
			continue // of things that have to be made first
		}
		path := fill(r.Path, "acme", "acme-teammate")
		for as, who := range map[string]console.Who{"acme-superadmin": console.TeamAdmin, "saskia": console.Support} {
			if r.Who&who == 0 || strings.Contains(strings.NewReplacer("{account}", "", "{user}", "").Replace(r.Path), "{") {
				continue
			}
			switch a := w.send(as, r.Method, path, nil); {
			case r.Sensitive && (a.Code != http.StatusUnauthorized || a.cause() != "fresh_proof_required"):
				t.Errorf("%s %s as %s with an old proof: %d %q", r.Method, r.Path, as, a.Code, a.cause())
			case r.Method == http.MethodGet && a.Code != http.StatusOK && a.Code != http.StatusSeeOther:
				t.Errorf("GET %s as %s: %d %s", r.Path, as, a.Code, a.body)
			}
		}
	}
}

// A script of the app, or a frame, shares our origin and has no business here.
func TestOnlyPagesThatAreOpenedAreAnswered(t *testing.T) {
	w := onBolt(t)
	for _, dest := range []string{"empty", "iframe", "script", "image"} {
		if a := w.send("acme-superadmin", http.MethodGet, "/accounts/acme/users", nil, "Sec-Fetch-Dest", dest); a.Code != http.StatusForbidden || a.body != "" {
			t.Errorf("%s: %d %s", dest, a.Code, a.body)
		}
	}
	if a := w.send("acme-superadmin", http.MethodGet, "/accounts/acme/users", nil, "Sec-Fetch-Dest", "document"); a.Code != http.StatusOK {
		t.Errorf("a page that is opened: %d", a.Code)
	}
}

// The store is away: nobody is told that they are logged out or that somebody is
// not there.
func TestAStoreThatIsAway(t *testing.T) {
	w := onBolt(t)
	w.enter("acme-superadmin")
	w.store.away.Store(true)
	if a := w.get("acme-superadmin", of("acme-teammate", "")); a.Code != http.StatusServiceUnavailable || a.cause() != "store_unavailable" {
		t.Errorf("%d %q", a.Code, a.cause())
	}
	for _, c := range w.get("acme-superadmin", "").Result().Cookies() {
		t.Errorf("a cookie is set: %v", c)
	}
}

// Whoever chose a language keeps it where the admin path leads on to the team.
func TestTheWayToTheTeamKeepsTheLanguage(t *testing.T) {
	w := onBolt(t)
	w.enter("acme-superadmin")
	const team = "/gateway/admin/accounts/acme/users"
	for query, want := range map[string]string{"": team, "?lang=en": team + "?lang=en", "?lang=en&to=//evil": team + "?lang=en"} {
		if a := w.get("acme-superadmin", query); a.Code != http.StatusSeeOther || a.to() != want {
			t.Errorf("%q leads to %d %q, want %q", query, a.Code, a.to(), want)
		}
	}
}
