package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/filemailer"
	"github.com/cliendo/gateway/caddymodule/outbox/smtpmailer"
)

func init() {
	caddy.RegisterModule(SMTPMailer{})
	caddy.RegisterModule(FileMailer{})
}

// MailerModule is a guest module of the namespace login_gateway.mailers. Its
// Provision reads and checks the configuration and connects to nothing.
type MailerModule interface {
	// Mailer returns what sends. hello is our name, for servers that ask. Whoever
	// calls it closes what it returns.
	Mailer(hello string) (outbox.Mailer, error)
	// Describe says in a few words where mails go, without secrets.
	Describe() string
}

// mailCheck is a mailer that can be tried without sending anything.
type mailCheck interface {
	Check(ctx context.Context) error
}

// SMTPMailer hands mails to relays.
type SMTPMailer struct {
	// Relays are host:port of servers, tried in this order. Needed, at least one.
	// Accepts {env.*} and {file.*}, as the following ones do.
	Relays []string `json:"relays,omitempty"`
	// TLS is "starttls" (required), "implicit" (from the first byte) or "off".
	// Default: starttls.
	TLS string `json:"tls,omitempty"`
	// Username logs in to the relays. Default: no login.
	Username string `json:"username,omitempty"`
	// Password belongs to Username. Default: none.
	Password string `json:"password,omitempty"`
	// Timeout bounds the dialogue with one relay. Default: 30s.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	options smtpmailer.Options
}

// CaddyModule returns the Caddy module information.
func (SMTPMailer) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: mailerNamespace + ".smtp", New: func() caddy.Module { return new(SMTPMailer) }}
}

// UnmarshalCaddyfile reads one way to send.
//
//	smtp <host:port>... {
//		tls      starttls|implicit|off
//		username <text>
//		password <text>
//		timeout  <duration>
//	}
func (m *SMTPMailer) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	w := word{usage: "<host:port>...", min: 1, max: -1, set: func(args []string) error {
		m.Relays = args
		return nil
	}}
	w.block = func([]string) words { return m.words() }
	_, err := w.parse(d, "mail smtp")
	return err
}

func (m *SMTPMailer) words() words {
	return words{
		"tls": textWord("starttls|implicit|off", &m.TLS, func(text string) error {
			switch smtpmailer.TLS(text) {
			case smtpmailer.StartTLS, smtpmailer.Implicit, smtpmailer.Off:
				return nil
			}
			return fmt.Errorf("%q: write starttls, implicit or off", text)
		}),
		"username": textWord("<text>", &m.Username, nil),
		"password": textWord("<text>", &m.Password, nil),
		"timeout":  durationWord(&m.Timeout),
	}
}

// Provision replaces placeholders and checks the rest. It does not connect.
func (m *SMTPMailer) Provision(caddy.Context) error {
	repl := caddy.NewReplacer()
	var errs []error
	get := func(option, value string) string {
		out, err := expand(repl, "mail smtp "+option, value)
		errs = append(errs, err)
		return out
	}
	m.options = smtpmailer.Options{
		TLS: smtpmailer.TLS(get("tls", m.TLS)), Username: get("username", m.Username),
		Password: get("password", m.Password), Timeout: time.Duration(m.Timeout),
	}
	for _, relay := range m.Relays {
		m.options.Relays = append(m.options.Relays, get("relay", relay))
	}
	switch {
	case m.Timeout < 0:
		errs = append(errs, errors.New("mail smtp timeout: write a duration above zero, like 30s"))
	case (m.Username == "") != (m.Password == ""):
		errs = append(errs, errors.New("mail smtp: username and password belong together; give both or none"))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if _, err := smtpmailer.New(m.options); err != nil {
		return fmt.Errorf("mail smtp: %w", err)
	}
	return nil
}

// Mailer returns what sends.
func (m *SMTPMailer) Mailer(hello string) (outbox.Mailer, error) {
	o := m.options
	o.Hello = hello
	return smtpmailer.New(o)
}

// Describe names the relays.
func (m *SMTPMailer) Describe() string {
	return fmt.Sprintf("smtp %s, tls %s", strings.Join(m.options.Relays, " then "), orElse(m.options.TLS, smtpmailer.StartTLS))
}

// FileMailer puts mails into a folder and sends nothing.
type FileMailer struct {
	// Folder for the .eml files; it is made where it is missing. Needed. Accepts
	// {env.*} and {file.*}.
	Folder string `json:"folder,omitempty"`

	folder string
}

// CaddyModule returns the Caddy module information.
func (FileMailer) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: mailerNamespace + ".file", New: func() caddy.Module { return new(FileMailer) }}
}

// UnmarshalCaddyfile reads the other way to send.
//
//	file <folder>
func (m *FileMailer) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	_, err := textWord("<folder>", &m.Folder, nil).parse(d, "mail file")
	return err
}

// Provision replaces placeholders.
func (m *FileMailer) Provision(caddy.Context) error {
	if m.Folder == "" {
		return errors.New("mail file: no folder; write `file <folder>`")
	}
	folder, err := expand(caddy.NewReplacer(), "mail file", m.Folder)
	if err != nil {
		return err
	}
	if m.folder, err = filepath.Abs(folder); err != nil {
		return fmt.Errorf("mail file %s: %w", folder, err)
	}
	return nil
}

// Mailer returns what writes the files.
func (m *FileMailer) Mailer(string) (outbox.Mailer, error) { return filemailer.New(m.folder), nil }

// Describe names the folder.
func (m *FileMailer) Describe() string { return "files in " + m.folder + "; nothing is sent" }

// Interface guards.
var (
	_ MailerModule          = (*SMTPMailer)(nil)
	_ MailerModule          = (*FileMailer)(nil)
	_ caddy.Provisioner     = (*SMTPMailer)(nil)
	_ caddy.Provisioner     = (*FileMailer)(nil)
	_ caddyfile.Unmarshaler = (*SMTPMailer)(nil)
	_ caddyfile.Unmarshaler = (*FileMailer)(nil)
)
