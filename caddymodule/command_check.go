package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/cliendo/gateway/caddymodule/operate"
	"github.com/cliendo/gateway/caddymodule/store"
)

const checkSummary = "Looks through the config and at the store, and says what is wrong and how to mend it"

// check exits with 0 when nothing is wrong: warnings are for people.
func (t *terminal) check(ctx context.Context, args []string) int {
	flags := t.flags("check", checkSummary)
	file := flags.String("config", "", "the `FILE` with the config; default: Caddyfile in this folder")
	adapter := flags.String("adapter", "", "the form of the config, by the `NAME` of its adapter; default: by the name of the file")
	address := flags.String("address", "", "the `ADDRESS` of Caddy's admin endpoint; default: what the config says")
	forged := flags.Bool("forge", false, "start the config on a store and ports of its own, with recorders for apps, forge identity headers on every route, and fail where one arrives")
	echo := flags.String("echo", "", "forge identity headers to the page at `URL` of a live site, which shows the headers it gets, and fail where one arrives")
	asJSON := flags.Bool("json", false, "answer in JSON")
	if code, done := t.parse(flags, without(args, "check")); done {
		return code
	}
	r := new(report)
	if s, err := loadSetup(*file, *adapter); err != nil {
		r.note(levelError, "config", operate.AsError(err).Message, operate.AsError(err).Fix)
	} else {
		defer s.close()
		if *address != "" {
			s.admin, s.adminOff = *address, ""
		}
		s.check(ctx, r)
		if *forged {
			s.checkForge(ctx, r)
		}
		if *echo != "" {
			s.checkEcho(ctx, r, *echo)
		}
	}
	if err := r.write(t.out, *asJSON); err != nil {
		return t.fail(err, false)
	}
	if r.Errors > 0 {
		return operate.ExitFailed
	}
	return operate.ExitOK
}

// check looks at everything that can be looked at without starting.
func (s *setup) check(ctx context.Context, r *report) {
	s.checkConfig(r)
	s.checkSecret(r)
	s.checkPublicURL(r)
	s.checkSites(r)
	s.checkStore(ctx, r)
	s.checkMail(ctx, r)
	s.checkProviders(ctx, r)
}

// checkConfig provisions the config as `validate` does. It keeps nothing; what
// it would log is left out.
func (s *setup) checkConfig(r *report) {
	for _, w := range s.warnings {
		r.note(levelWarning, "config", fmt.Sprintf("%s:%d: %s", w.File, w.Line, w.Message), "")
	}
	cfg := new(caddy.Config)
	err := json.Unmarshal(s.json, cfg)
	if err == nil {
		cfg.Logging = &caddy.Logging{Logs: map[string]*caddy.CustomLog{
			caddy.DefaultLoggerName: {BaseLog: caddy.BaseLog{Level: "FATAL"}},
		}}
		err = caddy.Validate(cfg)
	}
	if err != nil {
		r.note(levelError, "config", err.Error(), "")
		return
	}
	r.note(levelOK, "config", "it is read and accepted", "")
}

func (s *setup) checkSecret(r *report) {
	keys, err := s.app.keys(caddy.NewReplacer())
	switch {
	case err != nil:
		r.note(levelError, "secret", err.Error(), "")
	case keys == nil:
		r.note(levelOK, "secret", "made by the gateway itself and kept in the store", "")
	case len(s.app.OldSecrets) > 0:
		r.note(levelOK, "secret", fmt.Sprintf("given, and %d old", len(s.app.OldSecrets)), "")
	default:
		r.note(levelOK, "secret", "given", "")
	}
}

func (s *setup) checkPublicURL(r *report) {
	u, err := s.app.publicURL(caddy.NewReplacer())
	switch {
	case err != nil:
		r.note(levelError, "public_url", err.Error(), "")
	case u == nil:
		r.note(levelWarning, "public_url", "none is given, so mails cannot hold links, and behind another proxy it is not known that browsers use https",
			"set public_url to the address people type, like https://app.example.com")
	case u.Scheme == "http":
		r.note(levelOK, "public_url", u.String()+", for this machine alone", "")
	default:
		r.note(levelOK, "public_url", u.String(), "")
	}
}

// checkMail tries the way that mails go, and sends none.
func (s *setup) checkMail(ctx context.Context, r *report) {
	if s.mailer == nil {
		r.note(levelWarning, "mail", "none is configured, so nobody can log in or get a new password by mail; pages say so",
			"write mail { ... } into the global option")
		return
	}
	u, err := s.app.publicURL(caddy.NewReplacer())
	if err != nil || u == nil {
		return // checkConfig said what is wrong
	}
	r.add(checkMail(ctx, s.mailer, u.Hostname()))
}

// checkSites looks for ways around the gateway and lists what is open on purpose.
func (s *setup) checkSites(r *report) {
	seen := lookJSON(s.json)
	if len(seen.gateways) == 0 {
		r.note(levelError, "sites", "no site uses login_gateway: nothing is protected", "write login_gateway in the block of the site")
	}
	if len(seen.proxies) > 0 && !s.hasGracePeriod() {
		r.note(levelWarning, "sites", "no grace_period is set, so stopping waits until the last WebSocket ends", "write grace_period 10s into the global options")
	}
	if believesAnybody(s.json) {
		r.note(levelWarning, "sites", "trusted_proxies without trusted_proxies_strict believes the first address of "+
			"X-Forwarded-For, which a visitor can make up to get around the limits", "write trusted_proxies_strict beside it")
	}
	for _, advice := range seen.advice() {
		message, fix, _ := strings.Cut(advice, "; ")
		r.note(levelWarning, "sites", message, fix)
	}
	s.checkPasskeys(r, seen)
	for _, g := range seen.gateways {
		for _, rule := range g.gateway.Public {
			if open, err := rule.expand(); err == nil { // checkConfig said what is wrong
				r.note(levelOK, "open", fmt.Sprintf("%s: no login is needed for %s", g.site(), listed(open)), "")
			}
		}
	}
}

// checkPasskeys says for which domain they are made, and where they cannot be used.
func (s *setup) checkPasskeys(r *report, seen *survey) {
	u, err := s.app.publicURL(caddy.NewReplacer())
	if err != nil || u == nil {
		return // checkPublicURL said it
	}
	party, err := s.app.Passkeys.party(u, s.app.Brand.Name)
	switch {
	case err != nil: // checkConfig said it
	case party == nil:
		r.note(levelWarning, "passkeys", "public_url is an IP address, for which there are no passkeys", "give the gateway a name")
	default:
		r.note(levelOK, "passkeys", "made for "+party.ID+"; a change of this domain would lose them all", "")
		for _, advice := range passkeyAdvice(party, seen) {
			message, fix, _ := strings.Cut(advice, "; ")
			r.note(levelWarning, "passkeys", message, fix)
		}
	}
}

// believesAnybody finds servers that take the client's address from where a
// visitor can write it: most proxies append to X-Forwarded-For.
func believesAnybody(cfg []byte) bool {
	var c struct {
		Apps struct {
			HTTP struct {
				Servers map[string]struct {
					Trusted json.RawMessage `json:"trusted_proxies"`
					Strict  int             `json:"trusted_proxies_strict"`
				} `json:"servers"`
			} `json:"http"`
		} `json:"apps"`
	}
	if json.Unmarshal(cfg, &c) != nil {
		return false
	}
	for _, s := range c.Apps.HTTP.Servers {
		if len(s.Trusted) > 0 && s.Strict == 0 {
			return true
		}
	}
	return false
}

// listed is what one public rule opens, in one line.
func listed(open []openRule) string {
	paths := make([]string, len(open))
	for i, rule := range open {
		paths[i] = rule.Path
	}
	return strings.Join(open[0].Methods, ", ") + " of " + strings.Join(paths, " ")
}

// hasGracePeriod is true where Caddy ends open streams when it stops.
func (s *setup) hasGracePeriod() bool {
	var c struct {
		Apps struct {
			HTTP struct {
				GracePeriod caddy.Duration `json:"grace_period"`
			} `json:"http"`
		} `json:"apps"`
	}
	return json.Unmarshal(s.json, &c) == nil && c.Apps.HTTP.GracePeriod > 0
}

// checkStore asks the running gateway, if there is one, and else opens the store.
func (s *setup) checkStore(ctx context.Context, r *report) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	findings, err := s.askFindings(ctx)
	if err == nil {
		r.note(levelOK, "running", "the gateway runs, and answers commands at "+s.admin, "")
		r.add(findings...)
		return
	}
	if b, ok := s.store.(*BoltStore); ok && !b.exists() {
		r.note(levelWarning, "store", b.path+" does not exist yet", "start the gateway, or add an account, and it is made")
		return
	}
	engine, openErr := s.store.Open(store.Options{})
	switch {
	case errors.Is(openErr, store.ErrLocked):
		r.note(levelWarning, "store", openErr.Error()+"; it could not be asked: "+err.Error(),
			"run this with the same config and as the same user as the running gateway")
	case openErr != nil:
		r.note(levelError, "store", openErr.Error(), "")
	default:
		r.add(inspect(ctx, engine)...)
		if err := engine.Close(); err != nil {
			r.note(levelError, "store", "closing the store: "+err.Error(), "")
		}
	}
}

func (s *setup) askFindings(ctx context.Context) (findings []store.Finding, err error) {
	if s.adminOff != "" {
		return nil, errors.New(s.adminOff)
	}
	err = errors.New("there is no key for it")
	for _, key := range s.adminKeys() {
		if err = s.call(ctx, adminCheckPath, key, struct{}{}, &findings); err == nil {
			return findings, nil
		}
	}
	return nil, err
}

// inspect is what the rooms of a running gateway say.
func (r *rooms) inspect(ctx context.Context) []store.Finding {
	return append(inspect(ctx, r.house.engine), r.addresses.findings()...)
}

// inspect asks a store how it does, and what time it is there.
func inspect(ctx context.Context, engine store.Engine) []store.Finding {
	findings, err := engine.Inspect(ctx)
	if err != nil {
		return []store.Finding{{Part: "store", Level: levelError, Message: err.Error()}}
	}
	return append(findings, clock(ctx, engine))
}

// How far the clock of the store may be off: sessions and codes live by both.
const (
	skewNoticed = 2 * time.Second
	skewWrong   = time.Minute
)

func clock(ctx context.Context, engine store.Engine) store.Finding {
	f := store.Finding{Part: "clock", Level: levelOK, Message: "this machine says " + time.Now().Format(time.RFC3339)}
	other, ok := engine.(interface {
		Clock(ctx context.Context) (time.Time, error)
	})
	if !ok {
		return f
	}
	before := time.Now()
	there, err := other.Clock(ctx)
	if err != nil {
		f.Level, f.Message = levelWarning, "reading the clock of the store: "+err.Error()
		return f
	}
	off := there.Sub(before.Add(time.Since(before) / 2)).Abs().Round(time.Millisecond)
	f.Message = fmt.Sprintf("store and this machine are %s apart", off)
	if off > skewNoticed {
		f.Level, f.Fix = levelWarning, "have both set by NTP"
	}
	if off > skewWrong {
		f.Level = levelError
	}
	return f
}
