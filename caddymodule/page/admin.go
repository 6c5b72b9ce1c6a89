package page

import (
	"fmt"
	"html/template"
	"net/http"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
)

// Admin is one page of the admin path. What stands in the frame is given here in
// words; Body is what the page's own template sees as .Body, and belongs to
// whoever shows the page.
type Admin struct {
	// Name of the template: assets/pages/admin/<name>.html, which defines "main".
	Name string
	// Status of the answer; 0 means 200.
	Status int
	// Title stands in the head of the document and in the heading.
	Title string
	// Nav are the parts of the admin path, Trail leads from the top to this page.
	Nav, Trail []AdminLink
	// Who is logged in, and the account this page is about; both as text.
	Who, Account string
	// Notice says what was just done, in words.
	Notice string
	// Problem says what is the matter, in words; empty for nothing.
	Problem AdminProblem
	// Passkeys: the page can ask for one.
	Passkeys bool
	// Locale as Locale chose it; empty chooses by request.
	Locale string
	Body   any
}

// AdminLink leads to another page of the admin path.
type AdminLink struct {
	Text, URL string
	Here      bool // it is the page, or the part, that is shown
}

// AdminProblem is the block above a page that says why something was not done.
type AdminProblem struct {
	Cause       cause.Cause
	Title, Text string
	Reference   string // of the attempt, where one was kept
	Retry       time.Duration
}

// adminView is what the frame of the admin path sees.
type adminView struct {
	*view
	Admin     Admin
	LogoutURL string
}

// Admin writes a page of the admin path.
func (p *Renderer) Admin(w http.ResponseWriter, r *http.Request, v Admin) {
	v.Locale = p.locale(r, v.Locale)
	if v.Status == 0 {
		v.Status = http.StatusOK
	}
	out := p.frame(r, v.Locale, v.Title, v.Problem.Title != "")
	out.Cause, out.Body, out.Script = string(v.Problem.Cause), v.Body, true
	out.Reference, out.Passkeys = v.Problem.Reference, v.Passkeys
	out.Retry = p.retryIn(v.Locale, v.Problem.Retry, time.Time{})
	out.Assets.Styles = p.links.AdminStyles
	if r.Method == http.MethodPost {
		out.Languages = nil // what was posted cannot be linked to
	}
	p.execute(w, v.Status, set{locale: v.Locale, name: v.Name, admin: true}, out, adminView{out, v, p.options.Prefix + "/logout"})
}

// adminFiles are the templates that stand inside the frame of the admin path,
// besides the frame itself and the parts they share.
const (
	adminFrame = "pages/admin/frame.html"
	adminParts = "pages/admin/part_*.html"
	// A proof inside a form is the same there as elsewhere.
	proveFile = "pages/prove.html"
	keyFile   = "pages/passkey.html"
)

// funcs are what templates can call: t says a sentence; when, day and clock say a
// moment, nothing for the zero one; root is where the admin path begins.
func (p *Renderer) funcs(locale string) template.FuncMap {
	return template.FuncMap{
		"t": func(id string, args ...any) (string, error) {
			if !p.words.has(locale, id) {
				return "", fmt.Errorf("words of %s have no %q", locale, id)
			}
			return p.words.text(locale, id, args...), nil
		},
		"when":  func(at time.Time) string { return p.When(locale, at) },
		"day":   func(at time.Time) string { return p.Day(locale, at) },
		"clock": func(at time.Time) string { return p.moment(locale, "time.clock", at) },
		"stamp": func(at time.Time) string { return at.UTC().Format(time.RFC3339) },
		"root":  func() string { return p.options.Prefix + "/admin" },
		"prove": p.prove,
	}
}

// When says a moment to the minute, in the configured time zone; nothing for the
// zero one.
func (p *Renderer) When(locale string, at time.Time) string { return p.moment(locale, "time.date", at) }

// Day says the day of a moment, in the configured time zone; nothing for the zero
// one.
func (p *Renderer) Day(locale string, at time.Time) string {
	return p.moment(locale, "admin.time.day", at)
}

func (p *Renderer) moment(locale, layout string, at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.In(p.options.Location).Format(p.Text(locale, layout))
}
