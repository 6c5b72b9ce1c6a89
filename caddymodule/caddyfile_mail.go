package caddymodule

import (
	"errors"
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

// mailerNamespace is where the guest modules for mailers live.
const mailerNamespace = "login_gateway.mailers"

// mailWord reads how mails are sent.
//
//	mail {
//		from              <address> [<name>]
//		smtp <host:port>... {
//			tls      starttls|implicit|off
//			username <text>
//			password <text>
//			timeout  <duration>
//		}
//		file <folder>
//		templates         <folder>
//		geo_file          <file>
//		unknown_addresses on|off
//		limits {
//			address        <number>
//			address_window <duration>
//			network        <number>
//			network_window <duration>
//			unknown        <number>
//		}
//	}
func (a *App) mailWord() word {
	return word{
		block: func([]string) words {
			if a.Mail == nil {
				a.Mail = new(Mail)
			}
			return a.Mail.words()
		},
		late: func([]string) error {
			if a.Mail == nil {
				a.Mail = new(Mail)
			}
			return a.Mail.check()
		},
	}
}

func (m *Mail) words() words {
	table := words{
		"from":              m.fromWord(),
		"templates":         textWord("<folder>", &m.Templates, nil),
		"geo_file":          textWord("<file>", &m.GeoFile, nil),
		"unknown_addresses": switchWord(&m.UnknownAddresses),
		"limits":            {block: func([]string) words { return m.Limits.words() }},
	}
	for _, module := range caddy.GetModules(mailerNamespace) {
		name := module.ID.Name()
		table[name] = word{usage: mailerUsage[name], raw: func(d *caddyfile.Dispenser) error { return m.mailer(d, name) }}
	}
	return table
}

// mailerUsage is what follows the words of our own mailers.
var mailerUsage = map[string]string{"smtp": "<host:port>... { ... }", "file": "<folder>"}

// mailer hands the line and its block to the guest module of that name.
func (m *Mail) mailer(d *caddyfile.Dispenser, name string) error {
	if m.MailerRaw != nil {
		return d.Errf("mail has two ways to send: keep one, %s or the other", name)
	}
	module, err := caddyfile.UnmarshalModule(d, mailerNamespace+"."+name)
	if err != nil {
		return err
	}
	m.MailerRaw = caddyconfig.JSONModuleObject(module, "via", name, nil)
	return nil
}

func (m *Mail) fromWord() word {
	return word{usage: "<address> [<name>]", min: 1, max: 2, set: func(args []string) error {
		m.From = args[0]
		if len(args) > 1 {
			m.FromName = args[1]
		}
		return nil
	}}
}

func (l *MailLimits) words() words {
	return words{
		"address":        numberWord(&l.Address),
		"address_window": durationWord(&l.AddressWindow),
		"network":        numberWord(&l.Network),
		"network_window": durationWord(&l.NetworkWindow),
		"unknown":        numberWord(&l.Unknown),
	}
}

// check finds what is missing or wrong without looking at placeholders.
func (m *Mail) check() error {
	switch {
	case m.From == "":
		return errors.New("mail: no sender; write `from <address> [<name>]`")
	case len(m.MailerRaw) == 0:
		return errors.New("mail: no way to send; write `smtp <host:port>` or `file <folder>`")
	}
	return m.Limits.check()
}

func (l MailLimits) check() error {
	for name, n := range map[string]int{"address": l.Address, "network": l.Network, "unknown": l.Unknown} {
		if n < 0 {
			return fmt.Errorf("mail limits %s %d: write a whole number above zero", name, n)
		}
	}
	for name, d := range map[string]caddy.Duration{"address_window": l.AddressWindow, "network_window": l.NetworkWindow} {
		if d < 0 {
			return fmt.Errorf("mail limits %s: write a duration above zero", name)
		}
	}
	return nil
}

func checkSender(address string) error {
	if outbox.CheckAddress(address) != nil {
		return fmt.Errorf("mail from %q: write a plain address like login@example.com, and the name after it", address)
	}
	return nil
}

// recoveryWord says what a new password by mail is.
func (a *App) recoveryWord() word { return textWord("one_time|keep|link", &a.Recovery, checkRecovery) }

func checkRecovery(mode string) error {
	switch mode {
	case ticket.OneTime, ticket.Keep, ticket.Link:
		return nil
	}
	return fmt.Errorf("recovery %q: write one_time, keep or link", mode)
}
