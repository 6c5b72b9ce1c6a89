package page

import (
	"net/http"
)

// messageBody is what message.html sees.
type messageBody struct {
	Title            string
	Text, Did, Steps []string
	After            string
}

// Logout is the question before logging out.
type Logout struct {
	// Name greets the person; may be empty.
	Name string
	// Locale as Locale chose it; empty chooses by request.
	Locale string
}

// Logout asks whether to log out here or everywhere. It changes nothing
// itself: both buttons post.
func (p *Renderer) Logout(w http.ResponseWriter, r *http.Request, v Logout) {
	locale := p.locale(r, v.Locale)
	body := messageBody{Title: p.Text(locale, "logout.title")}
	if v.Name != "" {
		body.Text = append(body.Text, p.Text(locale, "greeting", "name", v.Name))
	}
	body.Text = append(body.Text, p.Text(locale, "logout.text", "brand", p.options.Brand.Name), p.Text(locale, "logout.everywhere"))
	p.message(w, r, http.StatusOK, locale, body, []Link{p.LogoutLink(), p.LogoutEverywhereLink(), {Word: "link.back", URL: "/"}})
}

// LoggedOut is the page after a log-out.
type LoggedOut struct {
	// Everywhere is true when all sessions of the user were ended.
	Everywhere bool
	// Locale as Locale chose it; empty chooses by request.
	Locale string
}

// LoggedOut confirms a log-out and offers the way back in.
func (p *Renderer) LoggedOut(w http.ResponseWriter, r *http.Request, v LoggedOut) {
	locale := p.locale(r, v.Locale)
	text := "loggedout.text"
	if v.Everywhere {
		text = "loggedout.everywhere"
	}
	body := messageBody{Title: p.Text(locale, "loggedout.title"), Text: []string{p.Text(locale, text)}}
	p.message(w, r, http.StatusOK, locale, body, []Link{{Word: "link.login", URL: p.own(r, "login")}})
}

// Later names a page that does not exist yet.
type Later struct {
	// Kind is one of "magic", "recover".
	Kind string
	// Status of the answer; 0 means 501.
	Status int
	// Locale as Locale chose it; empty chooses by request.
	Locale string
}

// Later says plainly that something is not there yet, and what to do instead.
// An unknown kind is a page that is not found.
func (p *Renderer) Later(w http.ResponseWriter, r *http.Request, v Later) {
	locale, id := p.locale(r, v.Locale), "later."+v.Kind
	if !p.words.has(locale, id+".title") {
		p.NotFound(w, r, locale)
		return
	}
	if v.Status == 0 {
		v.Status = http.StatusNotImplemented
	}
	body := messageBody{
		Title: p.Text(locale, id+".title"),
		Text:  []string{p.Text(locale, id+".text"), p.Text(locale, id+".way")},
	}
	p.message(w, r, v.Status, locale, body, []Link{{Word: "link.login", URL: p.own(r, "login")}, {Word: "link.help", URL: p.own(r, "help")}})
}

// NotFound answers for a path below the prefix where nothing is, with status
// 404. An empty locale chooses by request.
func (p *Renderer) NotFound(w http.ResponseWriter, r *http.Request, locale string) {
	locale = p.locale(r, locale)
	body := messageBody{
		Title: p.Text(locale, "notfound.title"),
		Text:  []string{p.Text(locale, "notfound.text"), p.Text(locale, "notfound.way")},
	}
	p.message(w, r, http.StatusNotFound, locale, body, []Link{{Word: "link.login", URL: p.own(r, "login")}})
}

func (p *Renderer) message(w http.ResponseWriter, r *http.Request, status int, locale string, body messageBody, ways []Link) {
	out := p.frame(r, locale, body.Title, status >= http.StatusBadRequest && status != http.StatusNotImplemented)
	out.Body, out.Links = body, p.buttons(locale, ways)
	p.render(w, status, "message", out)
}
