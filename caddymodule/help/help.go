// Package help is the errand of people who cannot get in: the page that says why
// that can be and what to do, the check of their browser, and the question
// whether it helped. It proves nothing, changes nothing and knows no user: what it
// tells is the same for everybody.
package help

import (
	"net/http"
	"net/url"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/secret"
)

// Pages shows what people see.
type Pages interface {
	Help(w http.ResponseWriter, r *http.Request, v page.Help)
	Refusal(w http.ResponseWriter, r *http.Request, v page.Refusal)
}

// Metrics counts answers; the cause is one of the closed list, or page.NoMail.
type Metrics interface {
	HelpAnswer(c cause.Cause, answer string)
}

// Options are what an Errand works with.
type Options struct {
	Prefix string // of our own pages
	HTTPS  bool   // the public URL is https, whoever ends TLS
	Device *cookie.Sealed
	Pages  Pages
	// Metrics may be nil.
	Metrics Metrics
	// LastLogin is when somebody logged in last, the zero time when that is not known.
	LastLogin func() time.Time
	// Works says whether logging in works as far as it lies with us.
	Works func() bool
	Now   func() time.Time
}

// Errand helps people in.
type Errand struct{ Options }

// New returns an Errand.
func New(o Options) *Errand {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.LastLogin == nil {
		o.LastLogin = func() time.Time { return time.Time{} }
	}
	if o.Works == nil {
		o.Works = func() bool { return true }
	}
	return &Errand{o}
}

// Mount adds the routes.
func (e *Errand) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET "+e.Prefix+"/help", e.show)
	mux.HandleFunc("POST "+e.Prefix+"/help/check", e.check)
	mux.HandleFunc("POST "+e.Prefix+"/help/answer", e.answer)
	// Whoever reloads after posting, or follows a link out of a history.
	for _, path := range []string{"/help/check", "/help/answer"} {
		mux.HandleFunc("GET "+e.Prefix+path, func(w http.ResponseWriter, r *http.Request) { e.back(w, r, "", "", "") })
	}
}

// testCookie is set and read by the check of cookies. It has the attributes of
// our real ones but the path, so that no app ever sees it.
const testCookie = "gateway_check"

const testLasts = 5 * time.Minute

func (e *Errand) show(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	v := page.Help{Down: !e.Works(), LastLogin: -1, Known: e.known(r), Cookies: page.CookiesUnknown}
	if c := cause.Cause(query.Get("cause")); page.Topic(c) {
		v.Cause = c
	}
	if reference, ok := secret.ParseReference(query.Get("reference")); ok {
		v.Reference = reference
	}
	if last := e.LastLogin(); !last.IsZero() {
		v.LastLogin = max(0, e.Now().Sub(last))
	}
	if answer := page.Answer(query.Get("answered")); answer == page.AnswerYes || answer == page.AnswerNo {
		v.Answered = answer
	}
	_, kept := cookie.Find(r.Header, testCookie, 0)
	switch {
	case kept || v.Known:
		v.Cookies = page.CookiesKept
	case query.Get("checked") != "":
		v.Cookies = page.CookiesRefused
	}
	e.Pages.Help(w, r, v)
}

// known tells whether somebody logged in with this browser before. For whom it
// is known stays in the cookie.
func (e *Errand) known(r *http.Request) bool {
	if e.Device == nil {
		return false
	}
	value, _ := cookie.Find(r.Header, cookie.Name(cookie.Device, cookie.Secure(r, e.HTTPS)), 0)
	_, ok := e.Device.Decode(value)
	return ok
}

// check sets a cookie and looks at the next request whether it comes back. That
// works without script.
func (e *Errand) check(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure is off over plain HTTP on a loopback host only
		Name: testCookie, Value: "1", Path: e.Prefix + "/help", MaxAge: int(testLasts / time.Second),
		Secure: cookie.Secure(r, e.HTTPS).Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	e.back(w, r, "checked", "1", "check")
}

// maxForm is far more than two short fields need.
const maxForm = 4 << 10

// answer counts whether the page helped. It redirects, so that a reload does not
// count twice.
func (e *Errand) answer(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	c, answer := cause.Cause(r.PostFormValue("cause")), page.Answer(r.PostFormValue("answer"))
	if !page.Topic(c) || answer != page.AnswerYes && answer != page.AnswerNo {
		e.Pages.Refusal(w, r, page.Refusal{Cause: cause.BadRequest})
		return
	}
	if e.Metrics != nil {
		e.Metrics.HelpAnswer(c, string(answer))
	}
	e.back(w, r, "answered", string(answer), "answer")
}

// back leads to the page again, with what it was told before.
func (e *Errand) back(w http.ResponseWriter, r *http.Request, key, value, anchor string) {
	asked, kept := r.URL.Query(), url.Values{}
	for _, name := range []string{"to", "lang", "ui_locales"} {
		if v := asked.Get(name); v != "" && len(v) <= maxForm {
			kept.Set(name, v)
		}
	}
	if c := cause.Cause(asked.Get("cause")); page.Topic(c) {
		kept.Set("cause", string(c))
	}
	if reference, ok := secret.ParseReference(asked.Get("reference")); ok {
		kept.Set("reference", reference)
	}
	if key != "" {
		kept.Set(key, value)
	}
	to := url.URL{Path: e.Prefix + "/help", RawQuery: kept.Encode(), Fragment: anchor}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
}
