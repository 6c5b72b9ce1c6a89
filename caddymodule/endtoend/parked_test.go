package endtoend_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// late is a form that is sent after its session ended.
const (
	lateURI  = "/clients/Zo%C3%AB%20%28oud%29?a=1&b=%27x%27&b=(2)"
	lateBody = "note=Zo%C3%AB+zei+%E2%82%AC+10&note=nog+eens&leeg=&x=%0D%0A+%2B"
)

var (
	parkedPage = regexp.MustCompile(`/gateway/parked/([a-z2-7]{16})`)
	formAction = regexp.MustCompile(`<form class="code" method="post" action="([^"]*)" enctype="text/plain">`)
)

// expired is a visitor whose session was just ended elsewhere.
func expired(t *testing.T, g *kit.Gateway, user string) *kit.Visitor {
	t.Helper()
	v := kit.Visit(t, g.URL).Enter(user)
	arrived(t, v.Get("/"), user)
	command(t, g, "users", "end-sessions", kit.Address(user))
	return v
}

// park sends a form that is too late, and returns the page where it waits.
func park(t *testing.T, v *kit.Visitor, uri, kind, body string, options ...kit.Option) (page string) {
	t.Helper()
	a := v.Do(http.MethodPost, uri, append([]kit.Option{kit.Body(kind, body)}, options...)...)
	return waits(t, a, "session_ended")
}

// waits is the page where a form waits that was answered so.
func waits(t *testing.T, a kit.Answer, cause string) (page string) {
	t.Helper()
	refused(t, a, http.StatusUnauthorized, cause)
	found, err := url.QueryUnescape(a.Body)
	if err != nil || !parkedPage.MatchString(found) {
		t.Fatalf("the form was not parked: %v, %s", err, a)
	}
	return parkedPage.FindString(found)
}

// back logs in where the page of the late form leads.
func back(t *testing.T, v *kit.Visitor, user, page string) kit.Answer {
	t.Helper()
	login := "/gateway/login?to=" + url.QueryEscape(page)
	sentTo(t, kit.Patiently(func() kit.Answer {
		return v.Post(login, kit.Form(kit.Address(user), kit.Password))
	}), page)
	return v.Get(page)
}

// send presses the button that sends the form on.
func send(v *kit.Visitor, uri, page string, options ...kit.Option) kit.Answer {
	id := strings.TrimPrefix(page, "/gateway/parked/")
	return v.Do(http.MethodPost, uri, append([]kit.Option{
		kit.Body("text/plain", "gateway_parked="+id+"\r\n"), kit.With("Referer", v.Base+"/"),
	}, options...)...)
}

func TestALateFormIsSentAfterAll(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, app := town(t, s, kit.Site{})
		v := expired(t, g, "teammate")
		v.SetCookie("app", "1")
		page := park(t, v, lateURI, formType, lateBody, kit.With("Referer", g.URL+"/clients/edit?id=1"))
		a := back(t, v, "teammate", page)
		action := formAction.FindStringSubmatch(a.Body)
		if a.Status != http.StatusOK || action == nil || action[1] != "/clients/Zo%C3%AB%20%28oud%29?a=1&amp;b=%27x%27&amp;b=(2)" {
			t.Fatalf("the page of the form: %q, %s", action, a)
		}
		if len(app.Seen("/clients")) != 0 {
			t.Fatal("looking sent the form")
		}
		v.SetCookie("app", "2")
		got := arrived(t, send(v, lateURI, page), "teammate")
		h := got.Header
		if got.Method != http.MethodPost || got.URI != lateURI || got.Body != lateBody || h.Get("Content-Type") != formType ||
			h.Get("Referer") != g.URL+"/clients/edit?id=1" || h.Get("Origin") != g.URL || h.Get("Cookie") != "app=2" {
			t.Errorf("the app got %+v", got)
		}
		// Once is once, however often it is asked for.
		sentTo(t, send(v, lateURI, page), page)
		if a := v.Get(page); a.Status != http.StatusGone || len(app.Seen("/clients")) != 1 {
			t.Errorf("sent again: %s; the app saw %d", a, len(app.Seen("/clients")))
		}
	})
}
