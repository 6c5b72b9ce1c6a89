package endtoend_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// secrets are things that must stand nowhere but where they belong, by what they are.
type secrets map[string]string

// key is the part of a mailed link, or of a cookie, that only its owner has.
func key(link string) string { return link[len(link)-24:] }

// in names the secrets that stand in a text. Codes are digits, as much of a store
// is: they count only where no further digit stands beside them.
func (s secrets) in(text string) (found []string) {
	for what, secret := range s {
		pattern := regexp.QuoteMeta(secret)
		if len(secret) == 6 {
			pattern = `(?:^|\D)` + pattern + `(?:\D|$)`
		}
		if at := regexp.MustCompile(pattern).FindStringIndex(text); at != nil {
			found = append(found, what+": ..."+strings.ToValidUTF8(text[max(0, at[0]-200):at[0]], "?"))
		}
	}
	return found
}

// dead is an upstream that is not there beside the one that is: what fails on the
// way is written to Caddy's log of errors, with the request.
const dead = "reverse_proxy /dead 127.0.0.1:1 {\nstream_close_delay 5m\n}\nreverse_proxy {upstream} {\nstream_close_delay 5m\n}"

// What people type, carry or are mailed stands in no store in clear, in no log, no
// metric, no answer of a command, and reaches the app in no header and no address.
func TestSecretsOfEveryFlowStandNowhere(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		box := kit.NewMailbox(t)
		g, app := town(t, s, kit.Site{App: box.Words(), Before: "log", Proxy: dead})
		planted := secrets{"the password": kit.Password, "the secret of the gateway": kit.Secret}
		byPassword(t, g, planted)
		byMail(t, g, box, planted)
		byNewPassword(t, g, box, planted)
		byBrowser(t, g, box, planted)
		for what, secret := range planted {
			if len(secret) < 6 {
				t.Errorf("%s was not there: %q", what, secret)
			}
		}
		told := g.Metrics() + g.Gateway("mail", "list", "--json").Stdout + g.Gateway("attempts", "list", "--json").Stdout
		for _, user := range []string{"teammate", "client", "admin", "owner"} {
			told += g.Gateway("why", user+"@demo.test", "--json").Stdout + g.Gateway("users", "show", user+"@demo.test", "--json").Stdout
		}
		if !strings.Contains(told, "teammate") {
			t.Errorf("the commands say nothing: %s", told)
		}
		raw := s.Raw()
		if !strings.Contains(raw, "teammate@demo.test") {
			t.Error("that is not what lies in the store")
		}
		g.Stop()
		if s.Redis == nil {
			raw += s.Raw()
		}
		for where, text := range map[string]string{"the store": raw, "a log": g.Output(), "a command or metric": told, "the app": seenBy(app)} {
			for _, what := range planted.in(text) {
				t.Errorf("%s holds %s", where, what)
			}
		}
		if !strings.Contains(g.Output(), "127.0.0.1:1: connect") {
			t.Error("nothing was written to the log of errors")
		}
	})
}

// seenBy is all that reached the app.
func seenBy(app *kit.App) string {
	var all strings.Builder
	for _, one := range app.Seen("/") {
		all.WriteString(one.Method + " " + one.URI + "\n" + one.Body + "\n")
		for name, values := range one.Header {
			all.WriteString(name + ": " + strings.Join(values, ", ") + "\n")
		}
	}
	return all.String()
}

func byPassword(t *testing.T, g *kit.Gateway, planted secrets) {
	t.Helper()
	v := kit.Visit(t, g.URL).Enter("teammate")
	arrived(t, v.Get("/"), "teammate")
	if a := v.Get("/dead"); a.Status != http.StatusBadGateway {
		t.Errorf("an upstream that is not there: %s", a)
	}
	kit.Visit(t, g.URL).Login("teammate", kit.Password+"-not")
	kit.Visit(t, g.URL).Login("stranger", kit.Password)
	kit.Visit(t, g.URL).Login("teammate", kit.Password[1:])
	planted["a wrong password"] = kit.Password[1:]
	planted["a session cookie"], planted["a device cookie"] = v.Cookie("gateway_session"), v.Cookie("gateway_device")
}

func byMail(t *testing.T, g *kit.Gateway, box *kit.Mailbox, planted secrets) {
	t.Helper()
	v := kit.Visit(t, g.URL)
	waiting := ask(t, v, "client", "")
	m := box.Wait("client", 1)
	planted["a code"], planted["a link"], planted["a link that revokes"] = m.Code(), key(m.Links()[0]), key(m.Links()[1])
	kit.Visit(t, g.URL).Post(m.Links()[0], url.Values{"email": {"somebody@else.test"}}, kit.With("Referer", g.URL+"/gateway/login"))
	v.Post(waiting, url.Values{"code": {"000000"}})
	sentTo(t, v.Post(waiting, url.Values{"code": {m.Code()}}), "/")
	arrived(t, v.Get("/"), "client")
	planted["a session by code"], planted["the flow cookie"] = v.Cookie("gateway_session"), v.Cookie("gateway_flow")
	kit.Visit(t, g.URL).Get(m.Links()[0])
	if a := v.Post(m.Links()[1], nil); a.Status != http.StatusOK {
		t.Errorf("this was not me: %s", a)
	}
}

func byNewPassword(t *testing.T, g *kit.Gateway, box *kit.Mailbox, planted secrets) {
	t.Helper()
	kit.Visit(t, g.URL).Post("/gateway/recover", url.Values{"email": {"admin@demo.test"}})
	mailed := box.Wait("admin", 1)
	v := kit.Visit(t, g.URL)
	to := v.Login("admin", mailed.Password()).To()
	planted["a mailed password"], planted["the fresh password"] = mailed.Password(), freshPassword(v.Get(to).Body)
	planted["a link that revokes a password"] = key(mailed.Links()[0])
	v.Post(to, url.Values{})
	sentTo(t, kit.Visit(t, g.URL).Login("admin", planted["the fresh password"]), "/")
}

// byBrowser has a real browser follow a mailed link into the app: it says by its
// own rules where it comes from.
func byBrowser(t *testing.T, g *kit.Gateway, box *kit.Mailbox, planted secrets) {
	t.Helper()
	ask(t, kit.Visit(t, g.URL), "owner", "?to=%2Fclients")
	link := box.Wait("owner", 1).Links()[0]
	planted["a link in a browser"] = key(link)
	b := newTab(t, chromium(t, "nl", ""), true)
	b.open(g.URL + link)
	b.do(chromedp.SendKeys("#act #email", kit.Address("owner")+"\r", chromedp.NodeReady))
	b.at(g.URL + "/clients")
	b.open(g.URL + link) // it was used; on to the login page, and into the app
	b.do(chromedp.Click(`main a[href*="/gateway/login"]`, chromedp.NodeReady))
	b.shows("owner")
}
