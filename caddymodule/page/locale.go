package page

import (
	"net/http"
	"strings"

	"golang.org/x/text/language"
)

// Locale chooses the language for a visitor: their own choice (`lang` in the
// query), else the language stored for the user (may be empty), else what the
// app asks for (`ui_locales`), else the browser's, else the configured default.
func (p *Renderer) Locale(r *http.Request, stored string) string {
	query := r.URL.Query()
	if locale, ok := p.spoken(query.Get("lang")); ok {
		return locale
	}
	if locale, ok := p.spoken(stored); ok {
		return locale
	}
	for _, tag := range strings.Fields(query.Get("ui_locales")) {
		if locale, ok := p.spoken(tag); ok {
			return locale
		}
	}
	return p.browserLocale(r.Header.Get("Accept-Language"))
}

// maxAcceptLanguage is far more than browsers send; the rest is not looked at.
const maxAcceptLanguage = 512

// browserLocale trusts English only where it comes first: browsers append it
// to every other language unasked, and a German visitor of a Dutch service
// would meet half a flow in English.
func (p *Renderer) browserLocale(header string) string {
	tags, _, err := language.ParseAcceptLanguage(header[:min(len(header), maxAcceptLanguage)])
	if err != nil {
		return p.options.Locale
	}
	for i, tag := range tags {
		locale, ok := p.spoken(tag.String())
		if ok && (i == 0 || locale != "en") {
			return locale
		}
	}
	return p.options.Locale
}

// spoken maps a tag like nl-BE to the locale of ours that has its base language.
func (p *Renderer) spoken(tag string) (string, bool) {
	if len(tag) > 35 { // longest tag that RFC 5646 asks anybody to support
		return "", false
	}
	parsed, err := language.Parse(tag)
	if err != nil {
		return "", false
	}
	base, confidence := parsed.Base()
	if confidence == language.No {
		return "", false
	}
	_, ok := p.words[base.String()]
	return base.String(), ok
}

// Text is the sentence id in locale, with pairs of name and value filled in
// for {name}. The value of "n" chooses the plural form. An unknown id is
// returned as it is.
func (p *Renderer) Text(locale, id string, args ...any) string {
	return p.words.text(locale, id, args...)
}
