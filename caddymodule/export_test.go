package caddymodule

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/smtpmailer"
	"github.com/cliendo/gateway/caddymodule/store"
)

// What tests of this package look at from outside.
var (
	ProxyWarnings     = proxyWarnings
	LiveProxyWarnings = liveProxyWarnings
)

// RunCommand carries out a command line as `cliendo gateway` does.
func RunCommand(ctx context.Context, args []string, out, err io.Writer) int {
	return (&terminal{program: "cliendo gateway", out: out, err: err}).run(ctx, args)
}

// Section is a block of the configuration, for comparing with what is written
// about it.
type Section struct {
	Words map[string]string // how each is drawn, by name
	JSON  []string          // names of the fields
}

// Sections are all blocks, by the heading of their table.
func Sections() map[string]Section {
	a, h, b := new(App), new(Handler), new(Budget)
	return map[string]Section{
		"Global option": section(a.words(), a),
		"brand":         section(a.Brand.words(), &a.Brand),
		"type":          section(a.typeWords(nil), &TypeRule{}),
		"limits":        section(a.Limits.words(), &a.Limits),
		"budget":        section(b.words(), b),
		"mailed_code":   section(a.Limits.MailedCode.words(), &a.Limits.MailedCode),
		"argon2":        section(a.Limits.Argon2.words(), &a.Limits.Argon2),
		"session":       section(a.Session.words(), &a.Session),
		"passkeys":      section(a.Passkeys.words(), &a.Passkeys),
		"mail":          section(new(Mail).words(), new(Mail)),
		"smtp":          section(new(SMTPMailer).smtpWords(), new(SMTPMailer)),
		"mail limits":   section(new(MailLimits).words(), new(MailLimits)),
		"provider":      section(new(ProviderClient).words(), new(ProviderClient)),
		"google":        section(new(GoogleProvider).words(), new(GoogleProvider)),
		"microsoft":     section(new(MicrosoftProvider).words(), new(MicrosoftProvider)),
		"linkedin":      section(new(LinkedInProvider).words(), new(LinkedInProvider)),
		"oidc":          section(new(OIDCProvider).oidcWords(), new(OIDCProvider)),
		"Site":          section(h.words(), h),
	}
}

func section(table words, fields any) Section {
	s := Section{Words: map[string]string{}}
	for name, w := range table {
		s.Words[name] = w.drawn(name)
	}
	t := reflect.TypeOf(fields).Elem()
	for i := range t.NumField() {
		if tag, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); tag != "" {
			s.JSON = append(s.JSON, tag)
		}
	}
	return s
}

// Defaults are the values of an empty configuration, in its own words.
func Defaults() (map[string]any, error) {
	s, err := new(App).settings(caddy.NewReplacer())
	if err != nil {
		return nil, err
	}
	site, err := new(Handler).settings()
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"Global option/locale": s.Locale, "Global option/time_zone": s.Location.String(),
		"Global option/arrears_blocks_at": s.Rules.ArrearsBlocksAt, "Global option/attempts_keep": s.AttemptsKeep, "Global option/audit_keep": s.AuditKeep,
		"limits/hash_queue": s.Hash.Queue, "mailed_code/per_mail": s.Codes.PerMail, "mailed_code/per_hour": s.Codes.PerHour,
		"argon2/memory": s.Hash.Params.Memory, "argon2/time": s.Hash.Params.Time, "argon2/threads": s.Hash.Params.Threads,
		"session/idle": s.Session.Idle, "session/absolute": s.Session.Absolute,
		"session/remember_idle": s.Session.RememberIdle, "session/remember_absolute": s.Session.RememberAbsolute,
		"session/cache_size": s.CacheSize, "session/stale_max": s.StaleMax,
		"mail limits/address": outbox.DefaultAddress, "mail limits/address_window": outbox.DefaultAddressWindow,
		"mail limits/network": outbox.DefaultNetwork, "mail limits/network_window": outbox.DefaultNetworkWindow,
		"mail limits/unknown": outbox.DefaultNobody, "smtp/timeout": smtpmailer.DefaultTimeout,
		"Global option/recovery": s.Recovery, "smtp/tls": string(smtpmailer.StartTLS),
		"Site/prefix": site.Prefix,
	}, nil
}

// oidcWords are the words of the block, and the one that begins it.
func (p *OIDCProvider) oidcWords() words {
	table := p.words()
	table["oidc"] = word{usage: "<name>"}
	return table
}

// smtpWords are the words of the block, and the one that begins it.
func (m *SMTPMailer) smtpWords() words {
	table := m.words()
	table["smtp"] = word{usage: "<host:port>..."}
	return table
}

// PasskeysOf is the domain and the origins of passkeys of a configuration.
func PasskeysOf(a *App, repl *caddy.Replacer) ([]string, error) {
	s, err := a.settings(repl)
	if err != nil || s.Passkeys == nil {
		return nil, err
	}
	return append([]string{s.Passkeys.ID}, s.Passkeys.Origins...), nil
}

// PasskeyAdvice is what `check` says about the hosts of the sites.
func PasskeyAdvice(a *App, cfg []byte) ([]string, error) {
	s, err := a.settings(caddy.NewReplacer())
	if err != nil {
		return nil, err
	}
	return passkeyAdvice(s.Passkeys, lookJSON(cfg)), nil
}

// ClockFinding is what `check` says about the clock of a store.
func ClockFinding(ctx context.Context, engine store.Engine) store.Finding { return clock(ctx, engine) }

// Addresses notices proxies that nobody told the gateway of.
type Addresses struct{ *addresses }

// NewAddresses returns one without doubts.
func NewAddresses(log *slog.Logger) Addresses { return Addresses{newAddresses(log)} }

// Saw is told of a form that came.
func (a Addresses) Saw(r *http.Request) { a.saw(r) }

// Proxy tells whether a network is that of a trusted proxy.
func (a Addresses) Proxy(network string) bool { return a.proxy(network) }

// Doubts are those of now.
func (a Addresses) Doubts() []string { return a.current() }

// Findings are what `check` says.
func (a Addresses) Findings() []store.Finding { return a.findings() }
