package kit

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// Visitor is somebody at a browser that follows no redirects by itself, keeps
// cookies, and opens pages as Chromium does.
type Visitor struct {
	// Base is where paths are asked from.
	Base string
	// Header goes with every request, over what a browser sends by itself.
	Header http.Header
	// Client does the work; its jar holds the cookies.
	Client *http.Client
	// Again is how often Do sends again what got no answer at all. A reload of Caddy
	// resets connections that nobody has accepted yet, and lets go of idle ones.
	Again int

	t testing.TB
}

// Visit returns a new visitor without cookies.
func Visit(t testing.TB, base string) *Visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	transport := &http.Transport{
		TLSClientConfig:     &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}, //nolint:gosec // our own server on loopback
		ForceAttemptHTTP2:   true,                                                                // where there is TLS
		MaxIdleConnsPerHost: 64,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &Visitor{
		Base: base, Header: http.Header{}, t: t,
		Client: &http.Client{
			Jar: jar, Transport: transport, Timeout: Patience,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// From has the visitor come from this address, by way of a trusted proxy.
func (v *Visitor) From(ip string) *Visitor {
	v.Header.Set("X-Forwarded-For", ip)
	return v
}

// In has the visitor prefer a language.
func (v *Visitor) In(language string) *Visitor {
	v.Header.Set("Accept-Language", language)
	return v
}

// Option changes a request before it is sent.
type Option func(*http.Request)

// With sets a header; an empty value leaves it out.
func With(name, value string) Option {
	return func(r *http.Request) {
		if value == "" {
			r.Header.Del(name)
			return
		}
		r.Header.Set(name, value)
	}
}

// Bare takes out all that only browsers send, as curl and programs do.
func Bare(r *http.Request) {
	for name := range r.Header {
		if strings.HasPrefix(name, "Sec-Fetch-") || name == "Origin" || name == "Accept-Language" {
			r.Header.Del(name)
		}
	}
	r.Header.Set("Accept", "*/*")
	r.Header.Set("User-Agent", "curl/8.5.0")
}

// Body sends text as the body.
func Body(contentType, text string) Option {
	return func(r *http.Request) {
		r.Header.Set("Content-Type", contentType)
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	}
}

// Try sends a request as the opening of a page and returns what came back.
func (v *Visitor) Try(method, path string, options ...Option) (Answer, error) {
	req, err := http.NewRequestWithContext(context.Background(), method, v.Base, nil)
	if err != nil {
		return Answer{}, fmt.Errorf("asking for %s: %w", path, err)
	}
	// Opaque keeps the path byte for byte, however odd it is. Paths with two
	// slashes in front need Raw.
	req.URL.Opaque = path
	req.Header = http.Header{
		"Accept":          {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
		"Accept-Language": {"nl"},
		"Sec-Fetch-Mode":  {"navigate"}, "Sec-Fetch-Dest": {"document"}, "Sec-Fetch-Site": {"same-origin"},
		"User-Agent": {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"},
	}
	if method != http.MethodGet && method != http.MethodHead {
		req.Header.Set("Origin", v.Base)
	}
	for name, values := range v.Header {
		req.Header[name] = values
	}
	for _, option := range options {
		option(req)
	}
	res, err := v.Client.Do(req)
	if err != nil {
		return Answer{}, fmt.Errorf("asking for %s: %w", path, err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return Answer{}, fmt.Errorf("reading %s: %w", path, err)
	}
	return Answer{Status: res.StatusCode, Header: res.Header, Body: string(body), Proto: res.Proto}, nil
}

// Do is Try that fails the test when no answer came.
func (v *Visitor) Do(method, path string, options ...Option) Answer {
	v.t.Helper()
	a, err := v.Try(method, path, options...)
	for n := 0; err != nil && n < v.Again; n++ {
		a, err = v.Try(method, path, options...)
	}
	if err != nil {
		v.t.Error(err)
	}
	return a
}

// Get opens a page.
func (v *Visitor) Get(path string, options ...Option) Answer {
	v.t.Helper()
	return v.Do(http.MethodGet, path, options...)
}

// Post submits a form.
func (v *Visitor) Post(path string, form url.Values, options ...Option) Answer {
	v.t.Helper()
	body := Body("application/x-www-form-urlencoded", form.Encode())
	return v.Do(http.MethodPost, path, append([]Option{body}, options...)...)
}

// Form are the fields of the login page.
func Form(email, password string) url.Values {
	return url.Values{"email": {email}, "password": {password}}
}

// Login opens the login page and submits it. user is the id of somebody of the
// town, or an address.
func (v *Visitor) Login(user, password string) Answer {
	v.t.Helper()
	v.Get("/gateway/login")
	return Patiently(func() Answer { return v.Post("/gateway/login", Form(Address(user), password)) })
}

// Patiently does it again for as long as the gateway is busy: passwords are hashed
// with low priority, so that on a loaded machine it may well be.
func Patiently(do func() Answer) (a Answer) {
	for range 20 {
		if a = do(); a.Cause() != "busy" {
			break
		}
	}
	return a
}

// Enter logs in somebody of the town; the test fails when that does not work.
func (v *Visitor) Enter(user string) *Visitor {
	v.t.Helper()
	if a := v.Login(user, Password); a.Status != http.StatusSeeOther {
		v.t.Errorf("%s does not get in: %s", user, a)
	}
	return v
}

// Address is the e-mail address of somebody of the town.
func Address(user string) string {
	if strings.Contains(user, "@") {
		return user
	}
	return user + "@demo.test"
}

// Cookie returns the value of a cookie of the visitor.
func (v *Visitor) Cookie(name string) string {
	u, err := url.Parse(v.Base)
	must(v.t, err)
	for _, c := range v.Client.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// SetCookie puts a cookie into the visitor's browser.
func (v *Visitor) SetCookie(name, value string) {
	u, err := url.Parse(v.Base)
	must(v.t, err)
	v.Client.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/"}}) //nolint:gosec // in the jar of a test
}

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   string
	Proto  string
}

// Own tells whether the gateway made the answer.
func (a Answer) Own() bool { return a.Header.Get("X-Login-Gateway") == "1" }

// FromApp tells whether the app behind the gateway made the answer.
func (a Answer) FromApp() bool { return a.Header.Get("X-App") != "" }

// To is where a redirect leads.
func (a Answer) To() string { return a.Header.Get("Location") }

var attribute = regexp.MustCompile(`data-(cause|reference)="([^"]*)"`)

// Cause is the cause on the page or in the problem document.
func (a Answer) Cause() string { return a.said("cause", "reason") }

// Reference is the reference on the page or in the problem document.
func (a Answer) Reference() string { return a.said("reference", "reference") }

func (a Answer) said(attr, field string) string {
	if strings.HasPrefix(a.Header.Get("Content-Type"), "application/problem+json") {
		doc := map[string]any{}
		_ = json.Unmarshal([]byte(a.Body), &doc) // what cannot be read says nothing
		text, _ := doc[field].(string)
		return text
	}
	for _, m := range attribute.FindAllStringSubmatch(a.Body, -1) {
		if m[1] == attr {
			return html.UnescapeString(m[2])
		}
	}
	return ""
}

// String is a line for messages.
func (a Answer) String() string {
	return fmt.Sprintf("status %d, cause %q, to %q, from the gateway %t, from the app %t, %.600q",
		a.Status, a.Cause(), a.To(), a.Own(), a.FromApp(), a.Body)
}
