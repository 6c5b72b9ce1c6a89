package page

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/cliendo/gateway/assets"
)

// templates are the files of assets/pages that stand inside layout.html.
var templates = []string{
	"login", "refusal", "message", "recover", "keep", "magic", "sent", "mailed", "help", "second", "setup",
	"security", "security_second", "security_password", "parked", "stay", "again", "framed", "window",
	"security_sessions", "security_activity", "security_email",
	"federated", "leaving", "identities", "link",
	"passkeys", "passkey_edit", "passkey_new",
}

// Renderer writes the pages. It is safe for use by many requests at once.
type Renderer struct {
	options Options
	words   catalogue
	sets    *sets
	shelf   *shelf
	links   links
	policy  string
	ways    func(r *http.Request) Ways
}

// New reads words, templates and the operator's brand, and renders every page
// once, so that whatever is broken is known at start and not at a login.
func New(options Options) (*Renderer, error) {
	o, err := options.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("preparing pages: %w", err)
	}
	p := &Renderer{options: o, policy: policy(o.FormTargets)}
	if p.words, err = words(); err != nil {
		return nil, fmt.Errorf("preparing pages: %w", err)
	}
	if _, ok := p.words[o.Locale]; !ok {
		return nil, fmt.Errorf("preparing pages: no words for locale %q: choose one of %s",
			o.Locale, strings.Join(p.words.locales(), ", "))
	}
	if p.shelf, p.links, err = loadAssets(assets.Files, o); err != nil {
		return nil, fmt.Errorf("preparing pages: %w", err)
	}
	p.sets = &sets{parse: p.parser(assets.Files)}
	if err := p.parseAll(assets.Files); err != nil {
		return nil, fmt.Errorf("preparing pages: %w", err)
	}
	if err := p.rehearse(); err != nil {
		return nil, fmt.Errorf("preparing pages: %w", err)
	}
	p.sets.settle(keptSets)
	return p, nil
}

// view is what layout.html sees; Body belongs to the page inside it.
type view struct {
	Locale, Title    string
	Cause, Reference string
	Script, Framed   bool
	Passkeys         bool
	Brand            Brand
	Assets           links
	Languages        []languageLink
	Support          support
	Retry            *retry
	Links            []button
	Body             any
}

// languageLink leads to the same page in another language.
type languageLink struct{ Code, Name, URL string }

// frame fills in what all pages share.
func (p *Renderer) frame(r *http.Request, locale, title string, failed bool) *view {
	id := "title.page"
	if failed {
		id = "title.error"
	}
	v := &view{
		Locale: locale, Brand: p.options.Brand, Assets: p.links,
		Title:   p.Text(locale, id, "title", title, "brand", p.options.Brand.Name),
		Support: p.support(locale, ""),
	}
	for _, code := range p.words.locales() {
		if code != locale {
			v.Languages = append(v.Languages, languageLink{code, p.Text(code, "language.self"), p.inLanguage(r, code)})
		}
	}
	return v
}

// locale settles on a language that we speak.
func (p *Renderer) locale(r *http.Request, wanted string) string {
	if locale, ok := p.spoken(wanted); ok {
		return locale
	}
	return p.Locale(r, "")
}

// render writes the page whole or not at all.
func (p *Renderer) render(w http.ResponseWriter, status int, name string, v *view) {
	p.execute(w, status, set{locale: v.Locale, name: name}, v, v)
}

// execute writes what a template makes of data, with what v asks for in the header.
func (p *Renderer) execute(w http.ResponseWriter, status int, s set, v *view, data any) {
	out := buffers.Get().(*bytes.Buffer)
	defer release(out)
	header := w.Header()
	p.SecurityHeaders(header)
	if v.Framed {
		framedHeaders(header)
	}
	t, err := p.sets.get(s)
	if err == nil {
		err = t.Execute(out, data)
	}
	if err != nil {
		// New rendered every page, so only a word that templates ask for by a
		// computed name can be missing; people still deserve an answer.
		p.options.Log.Error("a page could not be shown", "template", s.name, "error", err)
		http.Error(w, p.Text(v.Locale, "cause.other.title"), http.StatusInternalServerError)
		return
	}
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Language", v.Locale)
	header.Set("Content-Length", strconv.Itoa(out.Len()))
	if v.Retry != nil {
		header.Set("Retry-After", strconv.Itoa(v.Retry.Seconds))
	}
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // a visitor who is gone is no error of ours
}

// buffers are where pages are made. Each is used many times, and those that grew
// with an uncommonly long page are dropped.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func release(b *bytes.Buffer) {
	if b.Cap() <= 64<<10 {
		b.Reset()
		buffers.Put(b)
	}
}
