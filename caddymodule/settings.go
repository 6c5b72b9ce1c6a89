package caddymodule

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/blocklist"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// settings is the configuration of an App in the words of the rooms: checked,
// placeholders replaced, defaults filled in.
type settings struct {
	Keys         *secret.Keys // nil: made once and kept in the store
	PublicURL    *url.URL     // nil: none
	Brand        page.Brand
	Locale       string
	Location     *time.Location
	Rules        directory.Rules
	Limits       limit.Config
	Codes        ticket.Codes
	Hash         passhash.Options
	Session      session.Limits
	CacheSize    int
	StaleMax     time.Duration
	AttemptsKeep time.Duration
	AuditKeep    time.Duration
	Forbidden    string        // path of the operator's list of forbidden passwords; empty: none
	Passkeys     *factor.Party // nil: there are none
	Mail         *mailSettings // nil: nobody is mailed
	Recovery     string        // mode of a new password by mail, as in ticket
}

const (
	defaultLocale       = "nl"
	defaultTimeZone     = "Europe/Amsterdam"
	defaultAttemptsKeep = 90 * 24 * time.Hour
	defaultCacheSize    = 100_000
	defaultStaleMax     = 15 * time.Minute
	shortestKeep        = time.Hour
)

// settings checks the whole configuration and returns it with defaults. It reads
// the files that placeholders name and nothing else. Errors name the option and
// the fix; all of them are reported at once.
func (a *App) settings(repl *caddy.Replacer) (*settings, error) {
	s := &settings{CacheSize: orElse(a.Session.CacheSize, defaultCacheSize)}
	var errs []error
	note := func(err error) { errs = append(errs, err) }
	var err error
	s.Keys, err = a.keys(repl)
	note(err)
	s.PublicURL, err = a.publicURL(repl)
	note(err)
	s.Brand, err = a.Brand.settings(repl)
	note(err)
	s.Locale = orElse(a.Locale, defaultLocale)
	note(checkLocale(s.Locale))
	s.Location, err = loadTimeZone(orElse(a.TimeZone, defaultTimeZone))
	note(err)
	s.Rules, err = a.rules(s.Location)
	note(err)
	s.Limits, s.Codes, s.Hash = a.Limits.settings(), a.Limits.MailedCode.settings(), a.Limits.hash()
	note(a.Limits.check())
	s.Session, s.StaleMax = a.Session.settings(), orElse(time.Duration(a.Session.StaleMax), defaultStaleMax)
	note(a.Session.check())
	s.AttemptsKeep = orElse(time.Duration(a.AttemptsKeep), defaultAttemptsKeep)
	note(checkAttemptsKeep(s.AttemptsKeep))
	s.AuditKeep = orElse(time.Duration(a.AuditKeep), audit.DefaultKeep)
	note(checkAuditKeep(s.AuditKeep))
	s.Recovery = orElse(a.Recovery, defaultRecovery)
	note(checkRecovery(s.Recovery))
	if s.Forbidden = a.PasswordBlocklist; s.Forbidden != "" {
		s.Forbidden, err = expand(repl, "password_blocklist", s.Forbidden)
		note(err)
	}
	s.Passkeys, err = a.Passkeys.party(s.PublicURL, s.Brand.Name)
	note(err)
	s.Mail, err = a.mail(repl, s)
	note(err)
	note(a.checkProviders())
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s, nil
}

func checkAttemptsKeep(d time.Duration) error {
	if d < shortestKeep {
		return fmt.Errorf("attempts_keep %s: at least %s, or nobody can look up why a login failed", d, shortestKeep)
	}
	return nil
}

// forbidden opens the operator's own list of forbidden passwords, nil for none.
func (s *settings) forbidden() (*blocklist.File, error) {
	if s.Forbidden == "" {
		return nil, nil //nolint:nilnil // no list is a choice, not a fault
	}
	f, err := blocklist.Open(s.Forbidden)
	if err != nil {
		return nil, fmt.Errorf("password_blocklist: %w", err)
	}
	return f, nil
}

// shortestAudit leaves time to read what was done.
const shortestAudit = 24 * time.Hour

func checkAuditKeep(d time.Duration) error {
	if d < shortestAudit {
		return fmt.Errorf("audit_keep %s: at least 1d; laws and norms ask for years", d)
	}
	return nil
}

// orElse returns v, or otherwise where v is zero.
func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// expand replaces placeholders. One that is unknown or empty is an error: half a
// secret must not pass for one.
func expand(repl *caddy.Replacer, option, value string) (string, error) {
	if !strings.Contains(value, "{") {
		return value, nil
	}
	out, err := repl.ReplaceOrErr(value, true, true)
	if err != nil {
		return "", fmt.Errorf("%s: %w; is the variable set, the file there and not empty?", option, err)
	}
	return out, nil
}

func (a *App) keys(repl *caddy.Replacer) (*secret.Keys, error) {
	if a.Secret == "" {
		if len(a.OldSecrets) > 0 {
			return nil, errors.New("old_secrets without a secret: give the current one first")
		}
		return nil, nil //nolint:nilnil // no secret is a choice, not a fault
	}
	all := make([][]byte, 0, 1+len(a.OldSecrets))
	for _, text := range append([]string{a.Secret}, a.OldSecrets...) {
		value, err := expand(repl, "secret", text)
		if err != nil {
			return nil, err
		}
		all = append(all, []byte(value))
	}
	return secret.NewKeys(all[0], all[1:]...)
}

func (a *App) publicURL(repl *caddy.Replacer) (*url.URL, error) {
	if a.PublicURL == "" {
		return nil, nil //nolint:nilnil // none is a choice, not a fault
	}
	text, err := expand(repl, "public_url", a.PublicURL)
	if err != nil {
		return nil, err
	}
	return parsePublicURL(text)
}

// parsePublicURL accepts an origin only: what follows the host is the business
// of the prefix, and a link in a mail must not be readable on its way.
func parsePublicURL(text string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSuffix(text, "/"))
	switch {
	case err != nil || u.Hostname() == "" || u.User != nil:
		return nil, fmt.Errorf("public_url %q: write it as https://login.example.com", text)
	case u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, fmt.Errorf("public_url %q: leave out what follows the host; write %s://%s", text, u.Scheme, u.Host)
	case u.Scheme == "https":
		return u, nil
	case u.Scheme == "http" && isLoopback(u.Hostname()):
		return u, nil
	}
	return nil, fmt.Errorf("public_url %q: it must be https; http is for a loopback host only", text)
}

// isLoopback says whether host is this machine by its very name.
func isLoopback(host string) bool {
	host = strings.ToLower(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func checkLocale(locale string) error {
	if locale != "nl" && locale != "en" {
		return fmt.Errorf("locale %q: write nl or en", locale)
	}
	return nil
}

// loadTimeZone refuses "Local", which means another zone on the next machine.
func loadTimeZone(name string) (*time.Location, error) {
	if name != "Local" {
		if zone, err := time.LoadLocation(name); err == nil {
			return zone, nil
		}
	}
	return nil, fmt.Errorf("time_zone %q: write a name like Europe/Amsterdam", name)
}

func (b Brand) settings(repl *caddy.Replacer) (page.Brand, error) {
	var errs []error
	get := func(option, value string) string {
		out, err := expand(repl, "brand "+option, value)
		errs = append(errs, err)
		return out
	}
	out := page.Brand{
		Name:           get("name", b.Name),
		Logo:           get("logo", b.Logo),
		Colour:         get("colour", b.Colour),
		SupportPhone:   get("support_phone", b.SupportPhone),
		SupportMail:    get("support_mail", b.SupportMail),
		SupportURL:     get("support_url", b.SupportURL),
		AppointmentURL: get("appointment_url", b.AppointmentURL),
		Stylesheet:     get("stylesheet", b.Stylesheet),
	}
	return out, errors.Join(errs...)
}
