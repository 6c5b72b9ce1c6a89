package endtoend_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
	"github.com/cliendo/gateway/caddymodule/provider/providertest"
)

// eve has, with Google, the address of somebody here.
var eve = providertest.Person{ID: "eve", Email: "owner@demo.test", Name: "Eve"}

// fair is a town with a gateway that believes certified providers, by their names.
type fair struct {
	t       *testing.T
	g       *kit.Gateway
	app     *kit.App
	servers map[string]*providertest.Server
	site    kit.Site
}

// shapesOf are the shapes of providers by their names.
var shapesOf = map[string]providertest.Shape{
	"google": providertest.Google, "microsoft": providertest.Microsoft, "linkedin": providertest.LinkedIn, "school": providertest.OIDC,
}

// openFair starts these providers and a gateway that knows them.
func openFair(t *testing.T, s *kit.Store, names ...string) *fair {
	t.Helper()
	f := &fair{t: t, servers: map[string]*providertest.Server{}}
	for _, name := range names {
		shape := shapesOf[name]
		people := providertest.People(shape)
		if shape != providertest.Microsoft { // where everybody is of a tenant
			people = append(people, eve)
		}
		f.servers[name] = providertest.Start(t, shape, providertest.Options{People: people})
		f.site.App += f.words(name, "")
	}
	app := f.site.App
	f.g, f.app = town(t, s, f.site)
	f.site = kit.Site{Store: s.Line, Upstream: f.app.Addr, App: app}
	return f
}

// words are those of one provider in a Caddyfile.
func (f *fair) words(name, more string) string {
	s := f.servers[name]
	where := "provider " + name + " {\nbase_url " + s.Base
	if s.Shape == providertest.OIDC {
		where = "provider oidc " + name + " {\nlabel School\nsecond_step_by amr mfa\nissuer " + s.Base
	}
	return fmt.Sprintf("%s\nclient_id %s\nclient_secret %q\n%s\n}\n", where, s.ClientID, s.ClientSecret, more)
}

// goes has a visitor go to a provider by its button, be somebody there, and come
// back: what our callback is asked.
func (f *fair) goes(v *kit.Visitor, name, who, to string) (back string) {
	f.t.Helper()
	a := v.Get("/gateway/provider/" + name + "?to=" + url.QueryEscape(to))
	if a.Status != http.StatusSeeOther {
		f.t.Fatalf("the button of %s: %s", name, a)
	}
	return f.walks(name, who, a.To())
}

func (f *fair) walks(name, who, address string) (back string) {
	f.t.Helper()
	s := f.servers[name]
	if !strings.HasPrefix(address, s.Base+"/") {
		f.t.Fatalf("sent to %q, and %s is at %s", address, name, s.Base)
	}
	s.Choose(who)
	return "/gateway/provider/" + name + "/callback?" + s.Walk(address).Encode()
}

// by is a whole login at a provider.
func (f *fair) by(v *kit.Visitor, name, who, to string) kit.Answer {
	f.t.Helper()
	return v.Get(f.goes(v, name, who, to))
}

// links links somebody's account on the security page of a visitor who is logged in.
func (f *fair) links(v *kit.Visitor, name, who string) {
	f.t.Helper()
	sentTo(f.t, v.Get(f.walks(name, who, f.leaves(v, name))), "/gateway/security/identities?done=linked&to=%2Fclients")
}

// leaves presses the button that links, and returns where it leads.
func (f *fair) leaves(v *kit.Visitor, name string, more ...string) (address string) {
	f.t.Helper()
	a := kit.Patiently(func() kit.Answer {
		return v.Post("/gateway/security/identities/link?to=%2Fclients", typed(append([]string{"provider", name, "password", kit.Password}, more...)...))
	})
	address, found := strings.CutPrefix(a.Header.Get("Refresh"), "0; url=")
	if a.Status != http.StatusOK || !found {
		f.t.Fatalf("linking at %s: %s", name, a)
	}
	return address
}

// button tells whether the login page has the one of a provider.
func (f *fair) button(name string) bool {
	f.t.Helper()
	return strings.Contains(kit.Visit(f.t, f.g.URL).Get("/gateway/login").Body, `data-provider="`+name+`"`)
}
