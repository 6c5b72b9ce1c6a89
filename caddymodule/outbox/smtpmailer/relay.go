package smtpmailer

import (
	"context"
	"errors"
	"fmt"
	"net/textproto"
	"strings"
	"sync"
	"time"

	"github.com/cliendo/gateway/caddymodule/outbox"
)

// relay is one server with the connections that are kept to it.
type relay struct {
	Options
	address, host string

	mu     sync.Mutex
	idle   []*conn // the one used last is the last
	closed bool
}

// errUnknown: the connection broke between the end of the mail and the answer.
var errUnknown = errors.New("the connection broke after the mail was sent, before the answer came")

// failure is what a relay said, or what happened to the dialogue with it.
type failure struct {
	relay string
	step  string // of the dialogue, like RCPT TO
	err   error
}

func (f *failure) Error() string { return f.relay + ": " + f.step + ": " + f.err.Error() }

func (f *failure) Unwrap() error { return f.err }

// final tells whether no relay will ever take this mail. That we are not allowed
// in says nothing about the mail.
func (f *failure) final() bool {
	code, _, _ := reply(f.err)
	return f.step != stepConnect && code >= 500 && code != 530 && code != 534 && code != 535 && code != 538
}

// reply takes an answer apart: 550, 5.1.1, the text.
func reply(err error) (code int, status, text string) {
	var said *textproto.Error
	if !errors.As(err, &said) {
		return 0, "", err.Error()
	}
	status, text = enhanced(said.Msg)
	return said.Code, status, text
}

// enhanced cuts the enhanced status code off what a server said.
func enhanced(text string) (status, rest string) {
	text = strings.ReplaceAll(text, "\n", " ")
	first, rest, _ := strings.Cut(text, " ")
	parts := strings.Split(first, ".")
	if len(parts) != 3 || len(parts[0]) != 1 || strings.Trim(first, "0123456789.") != "" {
		return "", text
	}
	return first, rest
}

// send hands one mail over, on a kept connection where there is one.
func (r *relay) send(ctx context.Context, m outbox.Message) (outbox.Answer, error) {
	for c := r.take(); c != nil; c = r.take() {
		if c.alive(ctx) {
			return r.use(ctx, c, m)
		}
		c.drop()
	}
	c, err := r.connect(ctx)
	if err != nil {
		return r.answer(err), err
	}
	return r.use(ctx, c, m)
}

func (r *relay) use(ctx context.Context, c *conn, m outbox.Message) (outbox.Answer, error) {
	said, err := c.deliver(ctx, m)
	if err != nil {
		answer := r.answer(err)
		if code, _, _ := reply(err); code == 0 || code == 421 || !c.reset(ctx) {
			c.drop()
		} else {
			r.keep(c)
		}
		if f := (*failure)(nil); errors.As(err, &f) && f.final() {
			err = fmt.Errorf("%w: %w", err, outbox.ErrRejected)
		}
		return answer, err
	}
	r.keep(c)
	status, text := enhanced(said)
	return outbox.Answer{Server: r.address, Code: 250, Status: status, Message: text}, nil
}

func (r *relay) answer(err error) outbox.Answer {
	code, status, text := reply(err)
	return outbox.Answer{Server: r.address, Code: code, Status: status, Message: text}
}

// take returns a kept connection, or nil.
func (r *relay) take() *conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.idle) > 0 {
		c := r.idle[len(r.idle)-1]
		r.idle = r.idle[:len(r.idle)-1]
		if time.Since(c.since) < r.KeepFor {
			return c
		}
		go c.quit()
	}
	return nil
}

// keep puts a connection back.
func (r *relay) keep(c *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || len(r.idle) >= r.Keep {
		go c.quit()
		return
	}
	c.since = time.Now()
	r.idle = append(r.idle, c)
	// Relays grow tired of connections that do nothing.
	time.AfterFunc(r.KeepFor, r.tidy)
}

// tidy ends connections that were idle for too long.
func (r *relay) tidy() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.idle) > 0 && time.Since(r.idle[0].since) >= r.KeepFor {
		go r.idle[0].quit()
		r.idle = r.idle[1:]
	}
}

func (r *relay) close() {
	r.mu.Lock()
	idle := r.idle
	r.idle, r.closed = nil, true
	r.mu.Unlock()
	for _, c := range idle {
		c.quit()
	}
}
