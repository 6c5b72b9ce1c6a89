package page

import (
	"net/http"
	"net/url"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
)

// Provider is one of those by which people can log in.
type Provider struct {
	Name  string // in paths
	Label string // "Google"
	Kind  string // chooses the icon: google, microsoft, linkedin or any other
	// Sticky: it takes the account that is signed in there, and lets nobody choose.
	Sticky bool
}

// Ways are what the login page offers beside the form.
type Ways struct {
	Providers []Provider
	// Away are those that do not work at the moment: whoever looks for their button
	// reads why it is not there.
	Away []Provider
	// Last is how this browser logged in last, a name or a word like "password";
	// empty where nobody knows.
	Last string
}

// Offering returns a Renderer whose login page offers the ways of each request.
func (p *Renderer) Offering(ways func(r *http.Request) Ways) *Renderer {
	with := *p
	with.ways = ways
	return &with
}

// providerButton is one as login.html sees it.
type providerButton struct {
	Name, Text, URL, Kind string
	Last                  bool
}

// providerAway is the line in the place of a button.
type providerAway struct{ Name, Text string }

// away are the lines about providers that do not work at the moment.
func (p *Renderer) away(r *http.Request, locale string) (lines []providerAway) {
	if p.ways == nil {
		return nil
	}
	for _, o := range p.ways(r).Away {
		lines = append(lines, providerAway{o.Name, p.Text(locale, "federated.away", "provider", o.Label)})
	}
	return lines
}

// offered are the buttons of the login page, and the hint which way was the last
// where there is more than the form to choose from.
func (p *Renderer) offered(r *http.Request, locale string, passkeys bool) (buttons []providerButton, hint string) {
	if p.ways == nil {
		return nil, ""
	}
	ways := p.ways(r)
	for _, o := range ways.Providers {
		b := providerButton{
			Name: o.Name, Kind: o.Kind, URL: p.own(r, "provider/"+o.Name), Last: o.Name == ways.Last,
			Text: p.Text(locale, "federated.login", "provider", o.Label),
		}
		if b.Last {
			hint = p.Text(locale, "federated.last", "way", o.Label)
		}
		buttons = append(buttons, b)
	}
	if id := "federated.way_" + ways.Last; hint == "" && (passkeys || len(buttons) > 0) && p.words.has(locale, id) {
		hint = p.Text(locale, "federated.last", "way", p.Text(locale, id))
	}
	return buttons, hint
}

// Federated is what came of going to a provider, where that is no login.
type Federated struct {
	// Cause is IdentityNotLinked, IdentityRefused or ProviderUnavailable.
	Cause     cause.Cause
	Reference string
	// Reason says more of a refusal: a word under "federated.<cause>_<reason>".
	Reason   string
	Provider Provider
	Address  string // masked, empty where it is not known
	// Linking: it was to be linked and not to log in; Back leads back there then.
	Linking bool
	// Login leads to another way to log in.
	Login  string
	Target string
	Locale string
}

// otherAccount tells whether another account of the provider would help.
func (v Federated) otherAccount() bool {
	return v.Cause == cause.IdentityNotLinked || v.Cause == cause.IdentityRefused && v.Address != ""
}

// federatedBody is what federated.html sees.
type federatedBody struct {
	Title, Text, Way string
	Sticky           string // what has to be done before another account can be chosen
	Buttons          []button
}

// providerRetry is what people are told to wait for a provider that does not work.
const providerRetry = time.Minute

// Federated writes the page of its cause. Every one has another way on.
func (p *Renderer) Federated(w http.ResponseWriter, r *http.Request, v Federated) {
	locale := p.locale(r, v.Locale)
	here := p.plain(r, v.Target)
	id := "federated." + string(v.Cause)
	if reason := id + "_" + v.Reason; v.Reason != "" && p.words.has(locale, reason+".text") {
		id = reason
	}
	say := func(part string) string {
		if part == ".text" && v.Address != "" && p.words.has(locale, id+".text_address") {
			part = ".text_address"
		}
		return p.Text(locale, id+part, "provider", v.Provider.Label, "address", v.Address, "brand", p.options.Brand.Name)
	}
	body := federatedBody{Title: say(".title"), Text: say(".text"), Way: say(".way"), Buttons: p.federatedWays(here, locale, v)}
	if v.Provider.Sticky && v.otherAccount() {
		body.Sticky = p.Text(locale, "federated.sticky", "provider", v.Provider.Label)
	}
	out := p.frame(here, locale, body.Title, true)
	out.Cause, out.Reference, out.Body = string(v.Cause), v.Reference, body
	out.Support = p.support(locale, v.Reference)
	if v.Cause == cause.ProviderUnavailable {
		out.Retry = p.retryIn(locale, providerRetry, time.Time{})
		out.Retry.Text = "" // the other ways work now, and nobody has to wait
	}
	p.render(w, v.Cause.Status(), "federated", out)
}

// plain is a request for the login page by the same visitor. What a provider put
// into the address of its answer, a code among it, goes into no link.
func (p *Renderer) plain(r *http.Request, to string) *http.Request {
	here := p.at(r, "login", to)
	kept := url.Values{}
	for _, name := range []string{"to", "lang", "ui_locales"} {
		if value := here.URL.Query().Get(name); value != "" {
			kept.Set(name, value)
		}
	}
	here.URL.RawQuery = kept.Encode()
	return here
}

// federatedWays are the ways on, the likeliest first.
func (p *Renderer) federatedWays(here *http.Request, locale string, v Federated) []button {
	if v.Linking {
		return []button{{p.Text(locale, "federated.back"), p.own(here, "security/identities"), "primary", false}}
	}
	login := v.Login
	if login == "" {
		login = p.own(here, "login")
	}
	other := button{p.Text(locale, "federated.otherwise"), login, "primary", false}
	again := button{p.Text(locale, "federated.again", "provider", v.Provider.Label), p.own(here, "provider/"+v.Provider.Name), "secondary", false}
	switch {
	case v.Provider.Name == "" || v.Cause == cause.ProviderUnavailable:
		return []button{other}
	case v.otherAccount():
		again.Text = p.Text(locale, "federated.other_account", "provider", v.Provider.Label)
	}
	if v.Cause == cause.IdentityRefused {
		again.Class, other.Class = other.Class, again.Class
		return []button{again, other}
	}
	return []button{other, again}
}

// Leaving is the page that leads on to a provider, after a form was posted: browsers
// hold the redirect after a post to the targets that a form may have.
func (p *Renderer) Leaving(w http.ResponseWriter, r *http.Request, provider Provider, address, locale string) {
	locale = p.locale(r, locale)
	title := p.Text(locale, "federated.leaving", "provider", provider.Label)
	out := p.frame(p.plain(r, ""), locale, title, false)
	out.Body = federatedBody{Title: title, Text: p.Text(locale, "federated.leaving_text"), Buttons: []button{
		{p.Text(locale, "federated.leave", "provider", provider.Label), address, "primary", false},
	}}
	w.Header().Set("Refresh", "0; url="+address)
	p.render(w, http.StatusOK, "leaving", out)
}
