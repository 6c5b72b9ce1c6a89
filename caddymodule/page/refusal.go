package page

import (
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
)

// Link is a way on from a page, shown as a button.
type Link struct {
	// Word is the id of the label, like "link.pay".
	Word string
	// URL is where it leads: a path of ours or an https address.
	URL string
	// Post makes it a form that posts to URL, for what changes something.
	Post bool
}

// Refusal is a page that says why a person cannot go on.
type Refusal struct {
	// Cause decides words and status. An unknown code gets general words.
	Cause cause.Cause
	// Reference of the refused attempt, empty if there was none.
	Reference string
	// RetryAfter is how long waiting is of use; zero for not.
	RetryAfter time.Duration
	// Name greets a person who proved who they are; leave it empty for others.
	Name string
	// Links in order of importance; the first is the primary button. Nil gives
	// the usual ones for the cause.
	Links []Link
	// Locale as Locale chose it; empty chooses by request.
	Locale string
	// Superadmin gets told what to do where others are told whom to ask.
	Superadmin bool
	// PlainHTTP tells whoever lost their cookies that it is for want of https.
	PlainHTTP bool
}

// button is a Link as the template sees it.
type button struct {
	Text, URL, Class string
	Post             bool
}

type refusalBody struct{ Title, Greeting, Text, Way string }

// Refusal writes the page of a cause with the status of that cause.
func (p *Renderer) Refusal(w http.ResponseWriter, r *http.Request, v Refusal) {
	locale, shown := p.locale(r, v.Locale), v.Cause.Public()
	var body refusalBody
	body.Title, body.Text, body.Way = p.causeWords(locale, shown, v.who())
	if v.Name != "" {
		body.Greeting = p.Text(locale, "greeting", "name", v.Name)
	}
	if v.Links == nil {
		v.Links = p.usualLinks(r, shown, v.Reference)
	}
	out := p.frame(r, locale, body.Title, true)
	out.Cause, out.Reference, out.Body = string(shown), v.Reference, body
	out.Support = p.support(locale, v.Reference)
	out.Retry = p.retryIn(locale, v.RetryAfter, time.Time{})
	out.Links = p.buttons(locale, v.Links)
	p.render(w, shown.Status(), "refusal", out)
}

// who is the end of the ids of words that only some are to read.
func (v *Refusal) who() string {
	switch {
	case v.Superadmin:
		return "_superadmin"
	case v.PlainHTTP:
		return "_plain"
	}
	return ""
}

// causeWords finds title, text and way out; who may have words of their own.
func (p *Renderer) causeWords(locale string, c cause.Cause, who string) (title, text, way string) {
	id := "cause." + string(c)
	if !p.words.has(locale, id+".title") {
		id = "cause.other"
	}
	say := func(part string) string {
		if p.words.has(locale, id+part+who) {
			part += who
		}
		return p.Text(locale, id+part)
	}
	return say(".title"), say(".text"), say(".way")
}

// usualLinks are the ways on when the caller knows none better.
func (p *Renderer) usualLinks(r *http.Request, c cause.Cause, reference string) []Link {
	login := p.own(r, "login")
	help := Link{Word: "link.help", URL: p.help(r, "help", c, reference)}
	switch info, _ := c.Info(); {
	case c == cause.CookiesBlocked || c == cause.RedirectLoop || info.Retry:
		return []Link{{Word: "link.retry", URL: login}, help}
	case c == cause.Forbidden:
		return []Link{{Word: "link.back", URL: "/"}, p.LogoutLink()}
	case info.Proven && c != cause.SecondStepRequired:
		return []Link{{Word: "link.other", URL: login}, help}
	}
	return []Link{{Word: "link.login", URL: login}, help}
}

// LogoutLink is the button that ends the session of this browser.
func (p *Renderer) LogoutLink() Link {
	return Link{Word: "link.logout", URL: p.options.Prefix + "/logout", Post: true}
}

// LogoutEverywhereLink is the button that ends all sessions of the user.
func (p *Renderer) LogoutEverywhereLink() Link {
	return Link{Word: "link.logout_everywhere", URL: p.options.Prefix + "/logout/all", Post: true}
}

func (p *Renderer) buttons(locale string, ways []Link) []button {
	all := make([]button, len(ways))
	for i, way := range ways {
		all[i] = button{p.Text(locale, way.Word, "brand", p.options.Brand.Name), way.URL, "secondary", way.Post}
	}
	if len(all) > 0 {
		all[0].Class = "primary"
	}
	return all
}
