package endtoend_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/provider/providertest"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// harbour is a town with mail and a provider, and somebody who has a second step.
type harbour struct {
	*fair
	box   *kit.Mailbox
	codes []string // recovery codes that are left
}

func openHarbour(t *testing.T, s *kit.Store) *harbour {
	t.Helper()
	h := &harbour{fair: &fair{t: t, servers: map[string]*providertest.Server{"google": providertest.Start(t, providertest.Google)}}, box: kit.NewMailbox(t)}
	mail := strings.Replace(h.box.Words(), "mail {", "mail {\nlimits {\naddress 50\nnetwork 100\n}", 1)
	h.g, h.app = town(t, s, kit.Site{App: h.words("google", "") + mail})
	owner := kit.Visit(t, h.g.URL).Enter("teammate")
	h.links(owner, "google", "anna")
	_, h.codes = switchOn(t, owner)
	h.box.Wait("teammate", 2) // of both
	return h
}

// code is a recovery code that was not used yet.
func (h *harbour) code() (code string) {
	code, h.codes = h.codes[0], h.codes[1:]
	return code
}

// mail has do bring about a mail, and returns it.
func (h *harbour) mail(do func()) kit.Mail {
	h.t.Helper()
	there := len(h.box.All("teammate"))
	do()
	return h.box.Wait("teammate", there+1)
}

// firstWays are all ways to begin a login, with what the app is told of each.
func (h *harbour) firstWays() map[string]func(v *kit.Visitor) (a kit.Answer, amr string) {
	const to = "?to=%2Fclients"
	asked := func(v *kit.Visitor) (waits string, m kit.Mail) {
		m = h.mail(func() { waits = ask(h.t, v, "teammate", to) })
		return waits, m
	}
	return map[string]func(*kit.Visitor) (kit.Answer, string){
		"a password": func(v *kit.Visitor) (kit.Answer, string) {
			v.Get("/gateway/login" + to)
			return kit.Patiently(func() kit.Answer { return v.Post("/gateway/login"+to, kit.Form(kit.Address("teammate"), kit.Password)) }), "pwd"
		},
		"the link of a magic login": func(v *kit.Visitor) (kit.Answer, string) {
			_, m := asked(v)
			v.Get(m.Links()[0])
			return v.Post(m.Links()[0], nil), "otp"
		},
		"its code": func(v *kit.Visitor) (kit.Answer, string) {
			waits, m := asked(v)
			return v.Post(waits, url.Values{"code": {m.Code()}}), "otp"
		},
		"its link in another browser": func(v *kit.Visitor) (kit.Answer, string) {
			_, m := asked(kit.Visit(h.t, h.g.URL))
			v.Get(m.Links()[0])
			return v.Post(m.Links()[0], url.Values{"email": {kit.Address("teammate")}}), "otp"
		},
		"a provider": func(v *kit.Visitor) (kit.Answer, string) { return h.by(v, "google", "anna", "/clients"), "fed" },
	}
}

// Whoever has a second step is asked for it whichever way they began, and is in with
// it; on a device they trust nobody is asked.
func TestEveryFirstWayAsksForTheSecondStep(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		h := openHarbour(t, s)
		trusted := kit.Visit(t, h.g.URL)
		h.half(trusted.Login("teammate", kit.Password), trusted)
		sentTo(t, trusted.Post("/gateway/second-step", typed("code", h.code(), "trust", "1")), "/")
		for name, come := range h.firstWays() {
			v := kit.Visit(t, h.g.URL)
			a, amr := come(v)
			if !h.half(a, v) {
				t.Fatalf("by %s", name)
			}
			sentTo(t, landed(v, v.Post("/gateway/second-step?to=%2Fclients", typed("code", h.code()))), "/clients")
			told := strings.Fields(arrived(t, v.Get("/clients"), "teammate").Header.Get("Remote-Amr"))
			if got := strings.Join(told, " "); got != strings.Join([]string{amr, "otp mfa"}, " ") && got != "otp mfa" || told[0] != amr {
				t.Errorf("after %s the app is told %q", name, got)
			}

			sentTo(t, trusted.Post("/gateway/logout", nil), "/gateway/logout?done=here")
			a, amr = come(trusted)
			sentTo(t, landed(trusted, a), "/clients")
			if got := arrived(t, trusted.Get("/clients"), "teammate").Header.Get("Remote-Amr"); got != amr {
				t.Errorf("on a trusted device, after %s, the app is told %q", name, got)
			}
		}
		h.byMailedPassword(trusted)
	})
}

// half wants a login that waits for its second step, and opens nothing until then.
func (h *harbour) half(a kit.Answer, v *kit.Visitor) bool {
	h.t.Helper()
	refused(h.t, a, http.StatusUnauthorized, "second_step_required")
	if v.Cookie("gateway_session") != "" || a.Reference() == "" {
		h.t.Errorf("half a login: %s", a)
	}
	sentTo(h.t, v.Get("/clients"), "/gateway/login?to=%2Fclients")
	return a.Cause() == "second_step_required"
}

// byMailedPassword logs in with a password that was mailed. It is used up by the
// whole login only; it ends what was trusted.
func (h *harbour) byMailedPassword(trusted *kit.Visitor) {
	t := h.t
	t.Helper()
	v := kit.Visit(t, h.g.URL)
	mailed := h.mail(func() {
		v.Get("/gateway/recover")
		v.Post("/gateway/recover", url.Values{"email": {kit.Address("teammate")}})
	}).Password()
	for range 2 { // the first time they go away half-way
		v = kit.Visit(t, h.g.URL)
		h.half(v.Login("teammate", mailed), v)
	}
	arrived(t, trusted.Get("/clients"), "teammate")
	a := v.Post("/gateway/second-step", typed("code", h.code()))
	if a.Status != http.StatusSeeOther || !strings.HasPrefix(a.To(), "/gateway/recover/keep") {
		t.Fatalf("with the mailed password and a code: %s", a)
	}
	fresh := freshPassword(v.Get(a.To()).Body)
	sentTo(t, v.Post(a.To(), nil), "/")
	refused(t, trusted.Get("/clients", kit.Bare), http.StatusUnauthorized, "session_ended")
	h.half(trusted.Login("teammate", fresh), trusted)
}

// invited is the link that somebody new was mailed by the admin of acme.
func invited(t *testing.T, g *kit.Gateway, box *kit.Mailbox) (link string) {
	t.Helper()
	admin := kit.Visit(t, g.URL).Enter("admin")
	did(t, admin.Post("/gateway/admin/accounts/acme/invite", url.Values{"email": {"nieuw@demo.test"}, "name": {"Nieuwe Collega"}, "type": {"teammate"}}))
	return box.Wait("nieuw", 1).Links()[0]
}

// Who is invited and has a second step before they come is asked for it as well: the
// link is no way round it, and is not used up by half a login. No page brings that
// about today, so the second step is put into the store.
func TestAnInvitationAsksForTheSecondStep(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, box := mailing(t, s, "")
		link := invited(t, g, box)
		g.Stop()
		codes := enrolled(t, s, "nieuw@demo.test")
		g.Run()
		g.WaitLive()
		for i := range 2 {
			v := kit.Visit(t, g.URL)
			v.Get(link)
			refused(t, v.Post(link, url.Values{"email": {"nieuw@demo.test"}}), http.StatusUnauthorized, "second_step_required")
			if v.Cookie("gateway_session") != "" {
				t.Error("half a login has a session")
			}
			sentTo(t, v.Get("/clients"), "/gateway/login?to=%2Fclients")
			refused(t, v.Post("/gateway/second-step", typed("code", "000000")), http.StatusUnauthorized, "second_step_failed")
			if i == 1 {
				keeps(t, v, v.Post("/gateway/second-step", typed("code", codes[0])))
				if got := arrivedAny(t, v.Get("/")); got != "nieuw@demo.test" {
					t.Errorf("the app sees %q", got)
				}
			}
		}
		refused(t, kit.Visit(t, g.URL).Get(link), http.StatusGone, "link_used")
	})
}

// Where the operator wants a second step of everybody of a type, an invitation leads
// to where it is set up, and to nothing else before.
func TestAnInvitationWhereASecondStepIsRequired(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		g, box := mailing(t, s, "type teammate {\nsecond_step required\n}")
		link := invited(t, g, box)
		v := kit.Visit(t, g.URL)
		v.Get(link)
		a := landed(v, v.Post(link, url.Values{"email": {"nieuw@demo.test"}}))
		if !strings.HasPrefix(a.To(), "/gateway/recover/keep?to=%2Fgateway%2Fsecurity") {
			t.Fatalf("coming in: %s", a)
		}
		page := v.Get(a.To())
		m := passwordOnPage.FindStringSubmatch(page.Body)
		if m == nil {
			t.Fatalf("no password is shown: %s", page)
		}
		sentTo(t, v.Post(a.To(), typed("password", m[1])), "/gateway/security")
		sentTo(t, v.Get("/gateway/login?to=%2Fclients"), "/gateway/security?to=%2Fclients")
		sentTo(t, v.Get("/clients"), "/gateway/security?to=%2Fclients")
		refused(t, v.Get("/clients", kit.Bare), http.StatusUnauthorized, "second_step_required")
		if page := v.Get("/gateway/security/second-step"); page.Status != http.StatusOK {
			t.Errorf("the page to set it up: %s", page)
		}
	})
}

// enrolled gives somebody of acme a second step behind the gateway's back, and returns
// their recovery codes.
func enrolled(t *testing.T, s *kit.Store, email string) (codes []string) {
	t.Helper()
	s.With(func(e store.Engine) {
		keys, err := secret.NewKeys([]byte(kit.Secret))
		if err != nil {
			t.Fatal(err)
		}
		box, err := keys.NewBox("second step")
		if err != nil {
			t.Fatal(err)
		}
		items, err := store.Users.Scan(context.Background(), e, store.AccountTag("acme"), "", "", 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range items {
			if item.Value.Email != email {
				continue
			}
			setup, err := factor.New(e, factor.Options{Box: box, Issuer: "Test"}).Enrol(context.Background(), item.Value)
			if err != nil {
				t.Fatal(err)
			}
			codes = setup.Codes
		}
	})
	if len(codes) == 0 {
		t.Fatalf("nobody of acme has the address %s", email)
	}
	return codes
}
