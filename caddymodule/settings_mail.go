package caddymodule

import (
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/geo"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// mailSettings say how mails are sent.
type mailSettings struct {
	From, FromName string
	Templates      string
	GeoFile        string
	// Unknown: addresses that nobody has are mailed as well.
	Unknown bool
	Limits  outbox.Limits
}

const defaultRecovery = ticket.OneTime

// mail returns nil where no mail is configured.
func (a *App) mail(repl *caddy.Replacer, s *settings) (*mailSettings, error) {
	if a.Mail == nil {
		return nil, nil //nolint:nilnil // no mail is a choice, not a fault
	}
	m := &mailSettings{
		Unknown: a.Mail.UnknownAddresses == nil || *a.Mail.UnknownAddresses, Limits: a.Mail.Limits.settings(),
	}
	errs := []error{a.Mail.check()}
	get := func(option, value string) string {
		out, err := expand(repl, "mail "+option, value)
		errs = append(errs, err)
		return out
	}
	m.From, m.FromName = get("from", a.Mail.From), get("from", a.Mail.FromName)
	m.Templates, m.GeoFile = get("templates", a.Mail.Templates), get("geo_file", a.Mail.GeoFile)
	m.FromName = orElse(m.FromName, orElse(s.Brand.Name, defaultBrandName))
	if m.From != "" {
		errs = append(errs, checkSender(m.From))
	}
	if a.PublicURL == "" {
		errs = append(errs, errors.New("mail: links in mails need the address of the gateway; write `public_url https://login.example.com`"))
	}
	return m, errors.Join(errs...)
}

// defaultBrandName is what pages call the service, too.
const defaultBrandName = "Cliendo"

// settings returns the limits with their defaults.
func (l MailLimits) settings() outbox.Limits {
	return outbox.Limits{
		Address: orElse(l.Address, outbox.DefaultAddress), AddressWindow: orElse(time.Duration(l.AddressWindow), outbox.DefaultAddressWindow),
		Network: orElse(l.Network, outbox.DefaultNetwork), NetworkWindow: orElse(time.Duration(l.NetworkWindow), outbox.DefaultNetworkWindow),
		Nobody: orElse(l.Unknown, outbox.DefaultNobody),
	}
}

// loadMailer loads the guest module that sends, nil where no mail is configured.
func (a *App) loadMailer(ctx caddy.Context) (MailerModule, error) {
	if a.Mail == nil {
		return nil, nil //nolint:nilnil // no mail is a choice, not a fault
	}
	// Caddy takes the JSON away once it is loaded; what is checked after it
	// must not find it missing.
	kept := a.Mail.MailerRaw
	defer func() { a.Mail.MailerRaw = kept }()
	if len(kept) == 0 {
		return nil, a.Mail.check()
	}
	module, err := ctx.LoadModule(a.Mail, "MailerRaw")
	if err != nil {
		return nil, fmt.Errorf("loading the mailer module: %w", err)
	}
	m, ok := module.(MailerModule)
	if !ok {
		return nil, fmt.Errorf("mail: module %T is no mailer", module)
	}
	return m, nil
}

// places opens the file that tells where a network is, nil where there is none.
func (m *mailSettings) places() (*geo.Places, error) {
	if m == nil || m.GeoFile == "" {
		return nil, nil //nolint:nilnil // no places is a choice, not a fault
	}
	p, err := geo.Open(m.GeoFile)
	if err != nil {
		return nil, fmt.Errorf("mail geo_file: %w", err)
	}
	return p, nil
}

// letters makes what writes mails.
func (s *settings) letters(o letter.Options) (*letter.Renderer, error) {
	o.Brand = letter.Brand{
		Name: s.Brand.Name, Colour: s.Brand.Colour, SupportPhone: s.Brand.SupportPhone,
		SupportMail: s.Brand.SupportMail, SupportURL: s.Brand.SupportURL,
	}
	o.Locale, o.Location, o.Dir = s.Locale, s.Location, s.Mail.Templates
	return letter.New(o)
}

// outboxOptions are those of mails, once the rest is known.
func (s *settings) outboxOptions(mailer outbox.Mailer) outbox.Options {
	o := outbox.Options{
		Mailer: mailer, From: s.Mail.From, FromName: s.Mail.FromName, Domain: s.PublicURL.Hostname(),
		Limits: s.Mail.Limits, Metrics: theMetrics,
	}
	// Each relay must have had its time before a try is given up.
	if m, ok := mailer.(interface{ Longest() time.Duration }); ok {
		o.Timeout = m.Longest() + 5*time.Second
	}
	return o
}
