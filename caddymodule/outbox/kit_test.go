package outbox_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
	"github.com/cliendo/gateway/caddymodule/store/redisstore"
	"github.com/cliendo/gateway/caddymodule/store/storetest/redistest"
)

func TestMain(m *testing.M) {
	if beKilled() {
		return
	}
	goleak.VerifyTestMain(m)
}

// clock can be pushed; between pushes it goes on as the real one does.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time       { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) push(d time.Duration) { c.ahead.Add(int64(d)) }

// mailer is a server of which the test says what it answers.
type mailer struct {
	mu     sync.Mutex
	sent   []outbox.Message
	answer func(m outbox.Message) error
	hold   chan struct{} // when set, nothing is answered before it is closed
}

func (f *mailer) Send(ctx context.Context, m outbox.Message) (outbox.Answer, error) {
	f.mu.Lock()
	answer, hold := f.answer, f.hold
	f.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return outbox.Answer{}, ctx.Err()
		}
	}
	if answer != nil {
		if err := answer(m); err != nil {
			return outbox.Answer{Server: "test", Code: 451, Status: "4.0.0", Message: err.Error()}, err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent = append(f.sent, m)
	return outbox.Answer{Server: "test", Code: 250, Status: "2.0.0", Message: "queued"}, nil
}

func (f *mailer) Close() error { return nil }

func (f *mailer) set(answer func(outbox.Message) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

func (f *mailer) mails() []outbox.Message {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]outbox.Message(nil), f.sent...)
}

var errLater = errors.New("try later")

// house is an outbox on a real engine.
type house struct {
	*clock
	t      *testing.T
	engine store.Engine
	box    *secret.Box
	mailer *mailer
	counts *counts
	*outbox.Outbox
}

// counts are the metrics.
type counts struct {
	mu sync.Mutex
	of map[string]int
}

func (c *counts) Mail(outcome string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[outcome]++
}

func (c *counts) MailAccepted(time.Duration) { c.Mail("seconds") }

func (c *counts) get(outcome string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.of[outcome]
}

func onEngines(t *testing.T, test func(h *house)) {
	t.Helper()
	t.Run("bolt", func(t *testing.T) {
		c := &clock{}
		e, err := boltstore.Open(filepath.Join(t.TempDir(), "g.db"), store.Options{Now: c.now})
		test(newHouse(t, c, e, err))
	})
	t.Run("redis", func(t *testing.T) {
		c := &clock{}
		e, err := redisstore.Open(redistest.Start(t).URL(), store.Options{Now: c.now})
		test(newHouse(t, c, e, err))
	})
}

func newHouse(t *testing.T, c *clock, e store.Engine, err error) *house {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	h := &house{clock: c, t: t, engine: e, box: newBox(t), mailer: &mailer{}, counts: &counts{of: map[string]int{}}}
	h.Outbox = h.node()
	return h
}

func newBox(t testing.TB) *secret.Box {
	t.Helper()
	keys, err := secret.NewKeys([]byte("k7Qm2vX9tRw4Zp8LsN3yHc6JdF5gBa1E"))
	if err != nil {
		t.Fatal(err)
	}
	box, err := keys.NewBox("outbox")
	if err != nil {
		t.Fatal(err)
	}
	return box
}

// node is another node on the same store and mailer.
func (h *house) node() *outbox.Outbox { return h.nodeOn(h.engine) }

func (h *house) nodeOn(s outbox.Store) *outbox.Outbox {
	return outbox.New(s, outbox.Options{
		Mailer: h.mailer, Renderer: plain{}, Box: h.box, From: "login@example.com", FromName: "Cliendo",
		Domain: "example.com", Poll: 20 * time.Millisecond, Lease: 400 * time.Millisecond, Now: h.now, Metrics: h.counts,
	})
}

// run lets a node work until the test ends, or until stop is called.
func (h *house) run(o *outbox.Outbox) (stop func()) {
	h.t.Helper()
	var once sync.Once
	stop = func() { once.Do(func() { _ = o.Close() }) }
	go o.Run(context.Background())
	h.t.Cleanup(stop)
	return stop
}

// plain writes the link and nothing else.
type plain struct{}

func (plain) Render(l letter.Letter) (letter.Rendered, error) {
	return letter.Rendered{Subject: l.Kind, Text: l.Link + "\n"}, nil
}

var someone = outbox.OfUser("acme", "u1")

func (h *house) draft(owner outbox.Owner) outbox.Draft {
	id := secret.NewTicketID(h.now())
	return outbox.Draft{
		ID: id, Owner: owner, To: "anna@example.com", Until: h.now().Add(30 * time.Minute),
		Letter: letter.Letter{Kind: letter.Magic, Locale: "nl", Link: "https://example.com/m/" + id + "SECRET"},
	}
}

// send sends one mail and returns its id.
func (h *house) send(owner outbox.Owner) string {
	h.t.Helper()
	d := h.draft(owner)
	if err := h.Send(context.Background(), d, nil); err != nil {
		h.t.Fatal(err)
	}
	return d.ID
}

func (h *house) mail(id string) *store.Mail {
	h.t.Helper()
	m, _, err := h.Mail(context.Background(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return m
}

// patience bounds waiting for what must come; nothing is concluded from how long
// it took.
const patience = 30 * time.Second

func (h *house) until(what string, done func() bool) {
	h.t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			h.t.Fatalf("waited in vain: %s", what)
		}
	}
}

func (h *house) state(id, want string) *store.Mail {
	h.t.Helper()
	h.until("mail is "+want, func() bool { return h.mail(id).State == want })
	return h.mail(id)
}

// queued counts the entries of the queue in the store.
func (h *house) queued() int {
	h.t.Helper()
	items, err := store.MailQueue.Scan(context.Background(), h.engine, store.OutboxTag, "", "", 1000)
	if err != nil {
		h.t.Fatal(err)
	}
	return len(items)
}
