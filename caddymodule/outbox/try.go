package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Back-off between tries: 5 s, 15 s, 45 s, and so on, never longer than longest,
// so that a relay that is back again is noticed within the life of a link.
const (
	firstPause = 5 * time.Second
	pauseGrows = 3
	longest    = 5 * time.Minute
	// maxAnswers is how many answers are kept of one mail: the first and the last.
	maxAnswers = 40
	maxMessage = 500
)

// try does with one mail what is to be done now.
func (o *Outbox) try(ctx context.Context, g glance) next {
	m, n, err := o.claim(ctx, g)
	if err != nil {
		if ctx.Err() == nil {
			o.Log.Warn("a mail cannot be taken from the queue; trying again", "mail", g.id, "error", err)
		}
		return next{due: o.Now().Add(around(2 * o.Poll)), tries: g.tries}
	}
	if m == nil {
		return n
	}
	answer, sendErr := o.send(ctx, g, m)
	return o.record(ctx, g, m, answer, sendErr)
}

// claim takes a mail for this node. It returns no mail where there is nothing to
// send: it is not due, somebody else has it, or it is over.
func (o *Outbox) claim(ctx context.Context, g glance) (*store.Mail, next, error) {
	m, err := store.Mails.Get(ctx, o.store, g.ref.Tag, mailID(g.ref, g.id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, o.orphan(ctx, g), nil
	}
	if err != nil {
		return nil, next{}, err
	}
	if n, wait := o.leave(m); wait {
		if n.over {
			n = o.dequeue(ctx, g)
		}
		return nil, n, nil
	}
	// Asked again inside the step: another node looks at the same queue.
	var n next
	var wait bool
	holder := secret.ID()
	err = o.update(ctx, g.ref.Tag, func(tx store.Tx) error {
		m, err = store.Mails.Read(tx, mailID(g.ref, g.id))
		if err != nil {
			return err
		}
		if n, wait = o.leave(m); wait {
			return nil
		}
		if now := o.Now(); now.Before(m.Expires) {
			m.State, m.Lease, m.Holder = Sending, now.Add(o.Lease), holder
		} else {
			settle(m, Expired)
		}
		return store.Mails.Put(tx, mailID(g.ref, g.id), m, keepUntil(m, g.ref))
	})
	if err != nil {
		return nil, next{}, err
	}
	if !wait && m.State == Expired {
		o.ended(g, m)
		n, wait = next{over: true}, true
	}
	if wait && n.over {
		n = o.dequeue(ctx, g)
	}
	if wait {
		return nil, n, nil
	}
	return m, next{}, nil
}

// leave tells whether a mail is to be left alone now, and until when.
func (o *Outbox) leave(m *store.Mail) (next, bool) {
	now := o.Now()
	switch {
	case settled(m.State):
		return next{over: true}, true
	case m.State == Sending && now.Before(m.Lease):
		// Its node may have died: then the lease lapses.
		return next{due: m.Lease, tries: len(m.Tries)}, true
	case m.State != Sending && now.Before(m.Due) && now.Before(m.Expires):
		return next{due: earlier(m.Due, m.Expires), tries: len(m.Tries)}, true
	}
	return next{}, false
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// orphan deals with an entry of the queue that has no mail: a young one may get
// it any moment.
func (o *Outbox) orphan(ctx context.Context, g glance) next {
	if o.Now().Sub(g.ref.At) <= orphan {
		return next{due: o.Now().Add(o.Poll), tries: g.tries}
	}
	if err := o.forget(ctx, g.id); err != nil {
		return next{due: o.Now().Add(o.Poll), tries: g.tries}
	}
	return next{over: true}
}

// dequeue takes a mail that is over out of the queue.
func (o *Outbox) dequeue(ctx context.Context, g glance) next {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	err := o.update(ctx, store.OutboxTag, func(tx store.Tx) error { return store.MailQueue.Delete(tx, g.id) })
	if err != nil {
		o.Log.Warn("a settled mail stays in the queue; trying again", "mail", g.id, "error", err)
		return next{due: o.Now().Add(o.Poll), tries: g.tries}
	}
	return next{over: true}
}

// send hands a mail over, outside of any update, and keeps the lease meanwhile.
func (o *Outbox) send(ctx context.Context, g glance, m *store.Mail) (Answer, error) {
	message, err := o.message(m)
	if err != nil {
		return Answer{Message: err.Error()}, err
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	held := make(chan struct{})
	go func() { defer close(held); o.hold(ctx, cancel, g, m) }()
	answer, err := o.Mailer.Send(ctx, message)
	cancel()
	<-held
	if err != nil && answer.Message == "" {
		answer.Message = err.Error()
	}
	return answer, err
}

// message opens what is sealed and writes the letter.
func (o *Outbox) message(m *store.Mail) (Message, error) {
	plain, err := o.Box.Open(m.Sealed, place(m.ID))
	if err != nil {
		// No later try will read it either.
		return Message{}, fmt.Errorf("%w: what the mail says %w", ErrRejected, err)
	}
	var l letter.Letter
	if err := json.Unmarshal(plain, &l); err != nil {
		return Message{}, fmt.Errorf("%w: what the mail says cannot be read", ErrRejected)
	}
	r, err := o.Renderer.Render(l)
	if err != nil {
		return Message{}, fmt.Errorf("writing the letter: %w", err)
	}
	return Message{
		ID: m.ID, From: o.From, FromName: o.FromName, To: m.To, Subject: r.Subject, Text: r.Text, HTML: r.HTML,
		Locale: l.Locale, MessageID: m.ID + "@" + o.Domain, Date: m.Created,
	}, nil
}

// hold renews the lease of a mail until ctx ends, and stops the try where the
// mail is somebody else's.
func (o *Outbox) hold(ctx context.Context, stop context.CancelFunc, g glance, m *store.Mail) {
	tick := time.NewTicker(o.Lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := o.renew(ctx, g, m)
		if errors.Is(err, errLost) || err != nil && !o.Now().Before(m.Lease) {
			stop()
			return
		}
	}
}

// errLost: another node has taken the mail, since we were too slow.
var errLost = errors.New("the mail is in the hands of another node")

func (o *Outbox) renew(ctx context.Context, g glance, m *store.Mail) error {
	until := o.Now().Add(o.Lease)
	err := o.ours(ctx, g, m, func(current *store.Mail) { current.Lease = until })
	if err == nil {
		m.Lease = until
	}
	return err
}

// ours changes the record of a mail that this node holds, or returns errLost.
func (o *Outbox) ours(ctx context.Context, g glance, m *store.Mail, change func(*store.Mail)) error {
	return o.update(ctx, g.ref.Tag, func(tx store.Tx) error {
		current, err := store.Mails.Read(tx, mailID(g.ref, g.id))
		if errors.Is(err, store.ErrNotFound) {
			return errLost
		}
		if err != nil {
			return err
		}
		switch {
		case current.Holder != m.Holder:
			return errLost
		case current.State != Sending:
			return nil // written before, by a step whose answer did not reach us
		}
		change(current)
		return store.Mails.Put(tx, mailID(g.ref, g.id), current, keepUntil(current, g.ref))
	})
}

// record writes what became of a try. It does not give up while the store is
// away: a mail that a server took must not be sent again.
func (o *Outbox) record(ctx context.Context, g glance, m *store.Mail, answer Answer, sendErr error) next {
	now := o.Now()
	tried := store.MailAnswer{
		At: now, Server: clip(answer.Server), Code: answer.Code, Status: clip(answer.Status), Message: clip(answer.Message),
	}
	after := *m
	outcome(&after, tried, sendErr, ctx.Err() != nil)
	change := func(current *store.Mail) {
		current.Tries, current.State = after.Tries, after.State
		current.Due, current.Lease, current.Sealed = after.Due, after.Lease, after.Sealed
	}
	if err := o.insist(ctx, g, m, change); err != nil {
		o.Log.Error("what became of a mail could not be written", "mail", g.id, "outcome", after.State, "error", err)
		return next{due: now.Add(o.Lease), tries: len(after.Tries)}
	}
	o.Metrics.Mail(after.State)
	o.tell(g, &after, tried)
	o.count(g.ref, after.State, tried.Code)
	if !settled(after.State) {
		return next{due: earlier(after.Due, after.Expires), tries: len(after.Tries)}
	}
	if after.State == Accepted {
		o.Metrics.MailAccepted(now.Sub(m.Created))
	}
	return o.dequeue(ctx, g)
}

// insist writes until it is written, for as long as the worker may last.
func (o *Outbox) insist(ctx context.Context, g glance, m *store.Mail, change func(*store.Mail)) error {
	for {
		attempt, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		err := o.ours(attempt, g, m, change)
		cancel()
		if err == nil || errors.Is(err, errLost) || o.closed(ctx) {
			return err
		}
		select {
		case <-o.closing:
		case <-ctx.Done():
		case <-time.After(around(o.Poll)):
		}
	}
}

// outcome brings a mail into the state that follows from a try.
func outcome(m *store.Mail, tried store.MailAnswer, err error, stopped bool) {
	if m.Tries = append(m.Tries[:len(m.Tries):len(m.Tries)], tried); len(m.Tries) > maxAnswers {
		m.Tries = append(m.Tries[:1:1], m.Tries[2:]...)
	}
	switch {
	case err == nil:
		settle(m, Accepted)
	case errors.Is(err, ErrRejected):
		settle(m, Rejected)
	case stopped:
		m.State, m.Due, m.Lease = Deferred, tried.At, time.Time{}
	default:
		m.State, m.Due, m.Lease = Deferred, tried.At.Add(pause(len(m.Tries))), time.Time{}
	}
}

// pause is how long after so many tries the next one comes.
func pause(tries int) time.Duration {
	d := firstPause
	for range tries - 1 {
		if d *= pauseGrows; d >= longest {
			return longest
		}
	}
	return d
}

// settle ends a mail; what it said is wiped.
func settle(m *store.Mail, state string) {
	m.State, m.Sealed, m.Due, m.Lease = state, "", time.Time{}, time.Time{}
}

// clip bounds what a server says, which is not ours to trust.
func clip(text string) string {
	text = strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text), "?")
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "") + "..."
	}
	return text
}
