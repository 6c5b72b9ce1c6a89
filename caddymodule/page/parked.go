package page

import (
	"html"
	"html/template"
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
)

// How a parked form stands.
const (
	FormWaiting = "waiting" // to be sent on
	FormSent    = "sent"    // it was
	FormDropped = "dropped" // thrown away, as was asked
	FormGone    = "gone"    // not there (any more)
	FormBack    = "back"    // it is in another tab, and this one logged in
)

// Parked is the page of a form that was kept while its sender was logged out.
type Parked struct {
	State string // one of the Form constants
	// Name greets the person, who is logged in.
	Name string
	// Address is where the form was going: path and query, to the byte.
	Address string
	// Field and ID are the only field of the form that sends it on, and Encoding how
	// it is sent.
	Field, ID, Encoding string
	Size                int // bytes
	At, Until           time.Time
	// Locale as Locale chose it; empty chooses by request.
	Locale string
}

// parkedBody is what parked.html sees.
type parkedBody struct {
	Title, Text, More, Greeting string
	Waiting                     bool
	Action                      template.HTMLAttr
	Field, ID, Encoding         string
	Where, When, Size, Until    string
	Discard                     string
}

// Parked writes the page with the given status.
func (p *Renderer) Parked(w http.ResponseWriter, r *http.Request, status int, v Parked) {
	locale, id := p.locale(r, v.Locale), "parked."+v.State
	body := parkedBody{
		Title: p.Text(locale, id+".title"), Text: p.Text(locale, id+".text"), Waiting: v.State == FormWaiting,
	}
	if v.Name != "" {
		body.Greeting = p.Text(locale, "greeting", "name", v.Name)
	}
	if body.Waiting {
		// Not left to the template, which writes some characters of an address in
		// another way: the form has to arrive where it was sent to, to the byte.
		body.Action = template.HTMLAttr(`action="` + html.EscapeString(v.Address) + `"`) //nolint:gosec // escaped, and a path of this site
		body.Field, body.ID, body.Encoding = v.Field, v.ID, v.Encoding
		body.Where, body.Size = shorten(v.Address), p.size(locale, v.Size)
		body.When, body.Until = p.clock(locale, v.At), p.clock(locale, v.Until)
		body.Discard = p.options.Prefix + "/parked/" + v.ID + "/discard"
	}
	if !body.Waiting {
		body.More = p.Text(locale, id+".more")
	}
	out := p.frame(r, locale, body.Title, false)
	out.Body = body
	if !body.Waiting && v.State != FormBack {
		out.Links = p.buttons(locale, []Link{{Word: "link.go_on", URL: "/"}})
	}
	p.render(w, status, "parked", out)
}

// maxShown is how much of an address people are shown.
const maxShown = 80

func shorten(address string) string {
	runes := []rune(address)
	if len(runes) <= maxShown {
		return address
	}
	return string(runes[:maxShown]) + "…"
}

// size is a number of bytes in words.
func (p *Renderer) size(locale string, n int) string {
	if n < 1000 {
		return p.Text(locale, "parked.small")
	}
	return p.Text(locale, "parked.kilobytes", "n", (n+500)/1000)
}

// Stay is the page for a form that the browser has to keep.
type Stay struct {
	Cause cause.Cause
	Login string // where to log in, in another tab
	// Locale as Locale chose it; empty chooses by request.
	Locale string
}

// stayBody is what stay.html sees.
type stayBody struct{ Login string }

// Stay writes the page with the given status. It answers the form itself, so that
// loading it anew sends the form once more, files included.
func (p *Renderer) Stay(w http.ResponseWriter, r *http.Request, status int, v Stay) {
	locale := p.locale(r, v.Locale)
	out := p.frame(r, locale, p.Text(locale, "stay.title"), true)
	out.Cause, out.Script, out.Body = string(v.Cause.Public()), true, stayBody{v.Login}
	p.render(w, status, "stay", out)
}

// rehearseParked shows both pages in all their states.
func (p *Renderer) rehearseParked(w http.ResponseWriter, r *http.Request, locale string) {
	for _, state := range []string{FormWaiting, FormSent, FormDropped, FormGone, FormBack} {
		p.Parked(w, r, http.StatusOK, Parked{State: state, Locale: locale, Name: "A", Address: "/", Size: 1})
	}
	p.Parked(w, r, http.StatusOK, Parked{State: FormWaiting, Locale: locale, Address: "/", Size: 1 << 20})
	p.Stay(w, r, http.StatusOK, Stay{Locale: locale})
}
