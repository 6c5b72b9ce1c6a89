// Package smtpmailer hands mails to relays over SMTP. It owns the connections,
// their encryption, logging in, and which answers are final; when a mail is tried
// again is decided by outbox.
package smtpmailer

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/cliendo/gateway/caddymodule/outbox"
)

// TLS says how connections are encrypted.
type TLS string

// Ways to encrypt.
const (
	StartTLS TLS = "starttls" // required: a relay that does not offer it gets nothing
	Implicit TLS = "implicit" // from the first byte
	Off      TLS = "off"      // only where the operator says so
)

// Options say where mails go. What is left zero takes its default.
type Options struct {
	Relays             []string // host:port, in the order in which they are tried
	TLS                TLS      // default: StartTLS
	Username, Password string   // empty: no AUTH
	Hello              string   // our name; default: localhost
	// DialTimeout bounds connecting. Default: 10s, or Timeout where that is less.
	DialTimeout time.Duration
	// Timeout bounds the dialogue with one relay. Default: 30s.
	Timeout time.Duration
	// Keep is how many idle connections to each relay are kept, KeepFor how long.
	// Default: 4, for 30s.
	Keep    int
	KeepFor time.Duration
	RootCAs *x509.CertPool // nil: those of the system
}

func (o Options) withDefaults() Options {
	if o.TLS == "" {
		o.TLS = StartTLS
	}
	if o.Hello == "" {
		o.Hello = "localhost"
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.DialTimeout <= 0 {
		o.DialTimeout = min(10*time.Second, o.Timeout)
	}
	if o.Keep <= 0 {
		o.Keep = 4
	}
	if o.KeepFor <= 0 {
		o.KeepFor = 30 * time.Second
	}
	return o
}

// DefaultTimeout bounds the dialogue with one relay.
const DefaultTimeout = 30 * time.Second

// Mailer sends by SMTP. It is used by many goroutines.
type Mailer struct {
	relays []*relay
}

// New returns a Mailer. It does not connect.
func New(o Options) (*Mailer, error) {
	o = o.withDefaults()
	if len(o.Relays) == 0 {
		return nil, errors.New("no relay: name at least one as host:port")
	}
	switch o.TLS {
	case StartTLS, Implicit, Off:
	default:
		return nil, fmt.Errorf("tls %q: write starttls, implicit or off", o.TLS)
	}
	m := &Mailer{}
	for _, address := range o.Relays {
		host, port, err := net.SplitHostPort(address)
		if err != nil || host == "" || port == "" {
			return nil, fmt.Errorf("relay %q: write host:port, like mail.example.com:587", address)
		}
		m.relays = append(m.relays, &relay{address: address, host: host, Options: o})
	}
	return m, nil
}

// Longest is how long Send may take at most.
func (m *Mailer) Longest() time.Duration {
	var all time.Duration
	for _, r := range m.relays {
		all += r.DialTimeout + 2*r.Timeout // a kept connection may fail first
	}
	return all
}

// Send hands a mail to the first relay that takes it. The next one is asked after
// a failure that says nothing final. It is not asked when the connection broke
// after the whole mail was sent: nobody knows whether it was taken.
func (m *Mailer) Send(ctx context.Context, message outbox.Message) (outbox.Answer, error) {
	var last outbox.Answer
	var failures []error
	for _, r := range m.relays {
		answer, err := r.send(ctx, message)
		if err == nil {
			return answer, nil
		}
		last = answer
		failures = append(failures, err)
		if errors.Is(err, outbox.ErrRejected) || errors.Is(err, errUnknown) || ctx.Err() != nil {
			break
		}
	}
	err := errors.Join(failures...)
	last.Message = oneLine(err)
	return last, err
}

// oneLine lists what every relay said.
func oneLine(err error) string {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err.Error()
	}
	text := ""
	for i, e := range joined.Unwrap() {
		if i > 0 {
			text += "; "
		}
		text += e.Error()
	}
	return text
}

// Check connects to every relay, as for a mail, and tells what fails.
func (m *Mailer) Check(ctx context.Context) error {
	var failures []error
	for _, r := range m.relays {
		c, err := r.connect(ctx)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		c.quit()
	}
	return errors.Join(failures...)
}

// Close ends the connections that are kept.
func (m *Mailer) Close() error {
	for _, r := range m.relays {
		r.close()
	}
	return nil
}
