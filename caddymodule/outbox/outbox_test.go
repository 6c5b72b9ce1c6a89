package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

func TestAMailIsSentOnceAndItsSecretsAreWiped(t *testing.T) {
	onEngines(t, func(h *house) {
		id := h.send(someone)
		if m := h.mail(id); m.State != outbox.Queued || m.Sealed == "" || strings.Contains(m.Sealed, "SECRET") {
			t.Fatalf("written as %+v", m)
		}
		h.run(h.Outbox)
		m := h.state(id, outbox.Accepted)
		h.until("the queue is empty", func() bool { return h.queued() == 0 })
		if m.Sealed != "" || len(m.Tries) != 1 || m.Tries[0].Code != 250 || m.Tries[0].Server != "test" || m.Tries[0].At.IsZero() {
			t.Errorf("kept as %+v", m)
		}
		sent := h.mailer.mails()
		if len(sent) != 1 || sent[0].To != "anna@example.com" || sent[0].MessageID != id+"@example.com" ||
			!strings.Contains(sent[0].Text, "SECRET") {
			t.Errorf("sent %+v", sent)
		}
		h.until("it is counted", func() bool { return h.counts.get("seconds") == 1 })
		if h.counts.get(outbox.Accepted) != 1 || h.counts.get(outbox.Queued) != 1 || h.Health() != outbox.OK {
			t.Errorf("counted %v, %s", h.counts.of, h.Health())
		}
	})
}

func TestWhatAMailCarriesIsWrittenInTheSameStepOrNot(t *testing.T) {
	onEngines(t, func(h *house) {
		ctx, no := context.Background(), errors.New("no")
		d := h.draft(someone)
		put := func(tx store.Tx) error {
			return store.Books.Put(tx, "u1", &store.Book{Fresh: "x"}, time.Time{})
		}
		err := h.Send(ctx, d, func(tx store.Tx) error { return errors.Join(put(tx), no) })
		if !errors.Is(err, no) {
			t.Fatal(err)
		}
		if _, err := store.Books.Get(ctx, h.engine, someone.Tag, "u1"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("half a step: %v", err)
		}
		if n := h.queued(); n != 0 {
			t.Errorf("%d entries of mails that are not there", n)
		}
		if err := h.Send(ctx, d, put); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Books.Get(ctx, h.engine, someone.Tag, "u1"); err != nil {
			t.Error(err)
		}
		h.mail(d.ID)
	})
}

func TestOnlyOneAddressIsMailed(t *testing.T) {
	onEngines(t, func(h *house) {
		for _, to := range []string{
			"", "anna", "a@b@c", "a@b, c@d", "a@b\r\nBcc: c@d", "a@b\x00", "Anna <a@b>", "a b@c", "<a@b>", "a@b;c@d", "a@[::1]", `"a b"@c`,
			"a@b\u2028c", "@b", "a@",
		} {
			d := h.draft(someone)
			d.To = to
			if err := h.Send(context.Background(), d, nil); err == nil {
				t.Errorf("%q is taken", to)
			}
		}
		if h.queued() != 0 {
			t.Error("something was written")
		}
	})
}

// 4xx twice, then taken: the same mail, with every answer and time kept.
func TestADeferredMailIsTriedAgain(t *testing.T) {
	onEngines(t, func(h *house) {
		h.mailer.set(func(outbox.Message) error { return errLater })
		id := h.send(someone)
		h.run(h.Outbox)
		for n, pause := range []time.Duration{5 * time.Second, 15 * time.Second, 45 * time.Second} {
			h.until("another try", func() bool { return len(h.mail(id).Tries) == n+1 })
			m := h.mail(id)
			if got := m.Due.Sub(m.Tries[n].At); m.State != outbox.Deferred || got != pause || m.Sealed == "" {
				t.Fatalf("after try %d: %s, next after %s, want %s", n+1, m.State, got, pause)
			}
			if n == 2 {
				h.mailer.set(nil)
			}
			h.push(pause)
		}
		m := h.state(id, outbox.Accepted)
		if len(m.Tries) != 4 || m.Tries[0].Message != "try later" || m.Tries[0].Code != 451 || m.Tries[3].Code != 250 {
			t.Errorf("tries %+v", m.Tries)
		}
	})
}

// The relay is down for an hour: what lives longer arrives, the rest expires with
// a record.
func TestARelayThatIsDownForAnHour(t *testing.T) {
	onEngines(t, func(h *house) {
		h.mailer.set(func(outbox.Message) error { return errLater })
		short := h.send(someone)
		d := h.draft(someone)
		d.Until = h.now().Add(24 * time.Hour)
		if err := h.Send(context.Background(), d, nil); err != nil {
			t.Fatal(err)
		}
		h.run(h.Outbox)
		for range 12 {
			tried := len(h.mail(d.ID).Tries)
			h.push(5 * time.Minute)
			h.until("a try", func() bool { return len(h.mail(d.ID).Tries) > tried })
		}
		if m := h.state(short, outbox.Expired); m.Sealed != "" || len(m.Tries) == 0 {
			t.Errorf("expired as %+v", m)
		}
		if h.Health() != outbox.Degraded {
			t.Error("healthy after an hour of failures")
		}
		h.mailer.set(nil)
		h.push(5 * time.Minute)
		h.state(d.ID, outbox.Accepted)
		h.until("it is healthy again", func() bool { return h.Health() == outbox.OK })
		if sent := h.mailer.mails(); len(sent) != 1 || h.counts.get(outbox.Expired) != 1 {
			t.Errorf("sent %d, expired %d", len(sent), h.counts.get(outbox.Expired))
		}
	})
}

func TestARejectedMailIsOver(t *testing.T) {
	onEngines(t, func(h *house) {
		h.mailer.set(func(outbox.Message) error { return fmt.Errorf("550 no such user: %w", outbox.ErrRejected) })
		id := h.send(someone)
		h.run(h.Outbox)
		if m := h.state(id, outbox.Rejected); m.Sealed != "" || len(m.Tries) != 1 {
			t.Errorf("rejected as %+v", m)
		}
		h.until("the queue is empty", func() bool { return h.queued() == 0 })
		if err := h.Retry(context.Background(), id); !errors.Is(err, outbox.ErrSettled) {
			t.Errorf("tried again: %v", err)
		}
	})
}

func TestRetryDoesNotWait(t *testing.T) {
	onEngines(t, func(h *house) {
		h.mailer.set(func(outbox.Message) error { return errLater })
		id := h.send(someone)
		h.run(h.Outbox)
		h.state(id, outbox.Deferred)
		h.mailer.set(nil)
		if err := h.Retry(context.Background(), id); err != nil {
			t.Fatal(err)
		}
		h.state(id, outbox.Accepted)
	})
}

// Many nodes look at one queue: each mail is sent by one of them.
func TestOneNodeSendsEachMail(t *testing.T) {
	onEngines(t, func(h *house) {
		const nodes, mails = 4, 60
		var ids []string
		for i := range mails {
			ids = append(ids, h.send(outbox.OfUser("acme", fmt.Sprint("u", i))))
		}
		for range nodes {
			h.run(h.node())
		}
		for _, id := range ids {
			h.state(id, outbox.Accepted)
		}
		seen := map[string]int{}
		for _, m := range h.mailer.mails() {
			seen[m.ID]++
		}
		for id, n := range seen {
			if n != 1 {
				t.Errorf("%s was sent %d times", id, n)
			}
		}
		if len(seen) != mails {
			t.Errorf("%d of %d were sent", len(seen), mails)
		}
	})
}

// A lease is renewed for as long as the server takes, so that no other node sends.
func TestALeaseIsKeptWhileSending(t *testing.T) {
	onEngines(t, func(h *house) {
		hold := make(chan struct{})
		h.mailer.hold = hold
		id := h.send(someone)
		h.run(h.Outbox)
		h.run(h.node())
		first := h.state(id, outbox.Sending)
		h.until("the lease is renewed twice", func() bool { return h.mail(id).Lease.Sub(first.Lease) > 200*time.Millisecond })
		close(hold)
		h.state(id, outbox.Accepted)
		if n := len(h.mailer.mails()); n != 1 {
			t.Errorf("sent %d times", n)
		}
	})
}

func TestAMailOfADeadNodeIsSent(t *testing.T) {
	onEngines(t, func(h *house) {
		id := h.send(someone)
		err := h.engine.Update(context.Background(), someone.Tag, func(tx store.Tx) error {
			m, err := store.Mails.Read(tx, "u1."+id)
			if err != nil {
				return err
			}
			m.State, m.Holder, m.Lease = outbox.Sending, "gone", h.now().Add(time.Hour)
			m.Expires = h.now().Add(2 * time.Hour)
			return store.Mails.Put(tx, "u1."+id, m, time.Time{})
		})
		if err != nil {
			t.Fatal(err)
		}
		h.run(h.Outbox)
		other := h.send(someone)
		h.state(other, outbox.Accepted)
		if h.mail(id).State != outbox.Sending {
			t.Error("taken away from a node that has the lease")
		}
		h.push(time.Hour)
		h.state(id, outbox.Accepted)
	})
}

func TestAnEntryWhoseMailNeverCameIsDropped(t *testing.T) {
	onEngines(t, func(h *house) {
		id := secret.NewTicketID(h.now())
		ref := store.MailRef{Tag: someone.Tag, Owner: someone.Name, At: h.now()}
		err := h.engine.Update(context.Background(), store.OutboxTag, func(tx store.Tx) error {
			return errors.Join(store.MailRefs.Put(tx, id, &ref, time.Time{}), store.MailQueue.Put(tx, id, &ref, time.Time{}))
		})
		if err != nil {
			t.Fatal(err)
		}
		h.run(h.Outbox)
		h.state(h.send(someone), outbox.Accepted)
		h.until("only the orphan is left", func() bool { return h.queued() == 1 })
		h.push(2 * time.Minute)
		h.until("it is dropped", func() bool { return h.queued() == 0 })
		listed, err := h.List(context.Background(), "", 10)
		if err != nil || len(listed) != 1 {
			t.Errorf("listed %d, %v", len(listed), err)
		}
	})
}

// A reload starts the new worker before the old one stops.
func TestAReloadLosesAndDoublesNothing(t *testing.T) {
	onEngines(t, func(h *house) {
		var ids []string
		var asking sync.WaitGroup
		old := h.node()
		stop := h.run(old)
		for i := range 4 {
			for range 10 {
				ids = append(ids, h.send(someone))
			}
			next := h.node()
			stopNext := h.run(next)
			asking.Go(stop)
			if i%2 == 0 {
				asking.Wait()
			}
			stop = stopNext
		}
		asking.Wait()
		for _, id := range ids {
			h.state(id, outbox.Accepted)
		}
		if n := len(h.mailer.mails()); n != len(ids) {
			t.Errorf("%d mails sent for %d", n, len(ids))
		}
	})
}

// A server that hangs takes its places, and no more: others are sent, and the
// queue goes on when it answers.
func TestMailsThatKeepFailingHoldUpNobody(t *testing.T) {
	onEngines(t, func(h *house) {
		h.mailer.set(func(m outbox.Message) error {
			if m.To == "bad@example.com" {
				return errLater
			}
			return nil
		})
		for range 40 {
			d := h.draft(someone)
			d.To = "bad@example.com"
			if err := h.Send(context.Background(), d, nil); err != nil {
				t.Fatal(err)
			}
		}
		h.run(h.Outbox)
		h.state(h.send(someone), outbox.Accepted)
	})
}

func TestTheMailsOfAPersonAndOfEverybody(t *testing.T) {
	onEngines(t, func(h *house) {
		ctx := context.Background()
		var mine []string
		for range 3 {
			mine = append(mine, h.send(someone))
			h.push(time.Second)
		}
		h.send(outbox.OfUser("acme", "u1.x"))
		h.send(outbox.OfUser("acme", "u11"))
		nobody := h.send(outbox.OfNobody("x:abc"))
		of, err := h.Of(ctx, someone, 2)
		if err != nil || len(of) != 2 || of[0].ID != mine[2] || of[1].ID != mine[1] {
			t.Errorf("of one person: %v, %v", of, err)
		}
		if all, err := h.Of(ctx, someone, 50); err != nil || len(all) != 3 {
			t.Errorf("all of one person: %d, %v", len(all), err)
		}
		page, err := h.List(ctx, "", 4)
		if err != nil || len(page) != 4 {
			t.Fatal(page, err)
		}
		rest, err := h.List(ctx, page[3].ID, 4)
		if err != nil || len(rest) != 2 || rest[1].ID != mine[0] {
			t.Errorf("second page: %v, %v", rest, err)
		}
		_, ref, err := h.Mail(ctx, nobody)
		if err != nil || !outbox.Nobody(ref) {
			t.Errorf("nobody's mail: %+v, %v", ref, err)
		}
		h.push(8 * 24 * time.Hour)
		if _, _, err := h.Mail(ctx, nobody); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("nobody's mail is kept: %v", err)
		}
		h.mail(mine[0])
		h.push(90 * 24 * time.Hour)
		if _, _, err := h.Mail(ctx, mine[0]); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a mail is kept for ever: %v", err)
		}
	})
}

// What strangers type must not make the gateway look broken.
func TestRefusedAddressesOfStrangersSayNothingAboutTheServer(t *testing.T) {
	onEngines(t, func(h *house) {
		h.mailer.set(func(outbox.Message) error { return fmt.Errorf("550: %w", outbox.ErrRejected) })
		h.run(h.Outbox)
		for range 5 {
			h.state(h.send(outbox.OfNobody("x:abc")), outbox.Rejected)
		}
		if h.Health() != outbox.OK {
			t.Error("degraded by addresses that do not exist")
		}
	})
}

// A store that answers with an error although it wrote must not make a mail go out
// twice.
func TestAnAnswerOfTheStoreThatGotLost(t *testing.T) {
	onEngines(t, func(h *house) {
		s := &forgetful{Store: h.engine}
		o := h.nodeOn(s)
		id := h.send(someone)
		h.run(o)
		h.state(id, outbox.Accepted)
		h.until("the queue is empty", func() bool { return h.queued() == 0 })
		if m := h.mail(id); len(h.mailer.mails()) != 1 || len(m.Tries) != 1 {
			t.Errorf("sent %d times, %d tries", len(h.mailer.mails()), len(m.Tries))
		}
	})
}

// forgetful writes, and says every second time that it does not know.
type forgetful struct {
	outbox.Store
	mu sync.Mutex
	n  int
}

func (f *forgetful) Update(ctx context.Context, tag string, fn func(store.Tx) error) error {
	err := f.Store.Update(ctx, tag, fn)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n++; err == nil && f.n%2 == 0 {
		return store.ErrUnavailable
	}
	return err
}
