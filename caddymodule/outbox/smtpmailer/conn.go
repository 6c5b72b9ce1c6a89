package smtpmailer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"github.com/cliendo/gateway/caddymodule/outbox"
)

// conn is one dialogue with a relay. It is used by one goroutine at a time.
type conn struct {
	relay  *relay
	raw    net.Conn
	client *smtp.Client
	since  time.Time // idle
}

// stepConnect names all that happens before a mail is spoken of.
const stepConnect = "connecting"

// connect opens a connection over which mails can be sent.
func (r *relay) connect(ctx context.Context) (*conn, error) {
	fail := func(err error) error { return &failure{relay: r.address, step: stepConnect, err: err} }
	dialing, cancel := context.WithTimeout(ctx, r.DialTimeout)
	defer cancel()
	raw, err := new(net.Dialer).DialContext(dialing, "tcp", r.address)
	if err != nil {
		return nil, fail(err)
	}
	c := &conn{relay: r, raw: raw}
	if err := c.bounded(ctx, c.begin); err != nil {
		c.drop()
		return nil, fail(err)
	}
	return c, nil
}

// bounded runs a part of the dialogue: when ctx or the time ends, the connection
// does too.
func (c *conn) bounded(ctx context.Context, part func() error) error {
	if err := c.raw.SetDeadline(time.Now().Add(c.relay.Timeout)); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.raw.Close() })
	defer stop()
	err := part()
	if ctx.Err() != nil && err != nil {
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return err
}

// begin greets, encrypts and logs in.
func (c *conn) begin() (err error) {
	r := c.relay
	config := &tls.Config{ServerName: r.host, RootCAs: r.RootCAs, MinVersion: tls.VersionTLS12}
	raw := c.raw
	if r.TLS == Implicit {
		raw = tls.Client(raw, config)
	}
	if c.client, err = smtp.NewClient(raw, r.host); err != nil {
		return fmt.Errorf("greeting: %w", err)
	}
	if err := c.client.Hello(r.Hello); err != nil {
		return fmt.Errorf("EHLO: %w", err)
	}
	if r.TLS == StartTLS {
		if offered, _ := c.client.Extension("STARTTLS"); !offered {
			return errors.New("the relay does not offer STARTTLS, and mails hold what opens doors; write `tls off` to send them in the clear all the same")
		}
		if err := c.client.StartTLS(config); err != nil {
			return fmt.Errorf("STARTTLS: %w", err)
		}
	}
	if r.Username == "" {
		return nil
	}
	auth, err := c.auth()
	if err != nil {
		return err
	}
	if err := c.client.Auth(auth); err != nil {
		return fmt.Errorf("AUTH: %w", err)
	}
	return nil
}

// auth picks the strongest way to log in that the relay offers. In the clear a
// password is shown to this machine only.
func (c *conn) auth() (smtp.Auth, error) {
	r := c.relay
	_, offered := c.client.Extension("AUTH")
	offers := func(mechanism string) bool {
		for word := range strings.FieldsSeq(offered) {
			if strings.EqualFold(word, mechanism) {
				return true
			}
		}
		return false
	}
	switch {
	case offers("SCRAM-SHA-256"):
		return smtp.ScramSHA256Auth(r.Username, r.Password), nil
	case offers("PLAIN"):
		return smtp.PlainAuth("", r.Username, r.Password, r.host, false), nil
	case offers("LOGIN"):
		return smtp.LoginAuth(r.Username, r.Password, r.host, false), nil
	}
	return nil, fmt.Errorf("AUTH: the relay offers %q, we can PLAIN, LOGIN and SCRAM-SHA-256", offered)
}

// deliver hands one mail over and returns what the relay said.
func (c *conn) deliver(ctx context.Context, m outbox.Message) (said string, err error) {
	step := "MAIL FROM"
	err = c.bounded(ctx, func() error {
		said, err = c.dialogue(m, &step)
		return err
	})
	if err != nil {
		return "", &failure{relay: c.relay.address, step: step, err: err}
	}
	return said, nil
}

func (c *conn) dialogue(m outbox.Message, step *string) (said string, err error) {
	for _, address := range []string{m.From, m.To} {
		if err := outbox.CheckAddress(address); err != nil {
			return "", fmt.Errorf("%w: %w", outbox.ErrRejected, err)
		}
	}
	// Asked for only where it is needed: the next relay may not know it.
	c.client.SkipSMTPUTF8(ascii(m.From) && ascii(m.To))
	if err := c.client.Mail("<" + m.From + ">"); err != nil {
		return "", err
	}
	*step = "RCPT TO"
	if err := c.client.Rcpt("<" + m.To + ">"); err != nil {
		return "", err
	}
	*step = "DATA"
	body, err := c.client.Data()
	if err != nil {
		return "", err
	}
	if _, err := m.WriteTo(body); err != nil {
		return "", err
	}
	*step = "end of DATA"
	if err := body.Close(); err != nil {
		if code, _, _ := reply(err); code == 0 {
			err = fmt.Errorf("%w: %w", errUnknown, err)
		}
		return "", err
	}
	if closer, ok := body.(*smtp.DataCloser); ok {
		said = closer.ServerResponse()
	}
	return said, nil
}

func ascii(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r > 0x7f }) < 0
}

// alive asks the relay whether a kept connection still works.
func (c *conn) alive(ctx context.Context) bool { return c.bounded(ctx, c.client.Noop) == nil }

// reset makes the connection ready for another mail.
func (c *conn) reset(ctx context.Context) bool { return c.bounded(ctx, c.client.Reset) == nil }

// farewell bounds saying goodbye.
const farewell = 2 * time.Second

func (c *conn) quit() {
	_ = c.raw.SetDeadline(time.Now().Add(farewell))
	_ = c.client.Quit()
	c.drop()
}

func (c *conn) drop() { _ = c.raw.Close() }
