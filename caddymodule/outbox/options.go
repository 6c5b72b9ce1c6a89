package outbox

import (
	"log/slog"
	"sync"
	"time"

	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Store is what mails are kept in.
type Store interface {
	store.Reader
	store.Updater
}

// Renderer writes what a letter says.
type Renderer interface {
	Render(l letter.Letter) (letter.Rendered, error)
}

// Places tell where a network is.
type Places interface {
	// Of returns it in the language locale, or nothing.
	Of(network, locale string) string
}

// Metrics are told what became of mails.
type Metrics interface {
	// Mail counts a mail that was queued, or a try with what became of it.
	Mail(outcome string)
	// MailAccepted is how long after it was asked for a server took a mail.
	MailAccepted(after time.Duration)
}

// Tally counts for reports what became of the mails to users of an account;
// account is empty for addresses that nobody has.
type Tally interface {
	Mail(account, state string, code int)
}

// Options say how an Outbox works. What is left zero takes its default.
type Options struct {
	Mailer   Mailer
	Renderer Renderer
	Box      *secret.Box
	Places   Places // nil: letters say no place
	// From and FromName are the sender; Domain ends the Message-ID.
	From, FromName, Domain string
	Limits                 Limits
	// Parallel is how many mails are sent side by side. Default: 8.
	Parallel int
	// Timeout bounds one try. Default: 2m.
	Timeout time.Duration
	// Lease is how long a mail belongs to the node that sends it; it is renewed
	// while it does. Default: 30s.
	Lease time.Duration
	// Poll is how often the queue is looked at. Default: 1s.
	Poll    time.Duration
	Now     func() time.Time
	Log     *slog.Logger
	Metrics Metrics
	Tally   Tally // optional
}

const (
	defaultParallel = 8
	defaultTimeout  = 2 * time.Minute
	defaultLease    = 30 * time.Second
	defaultPoll     = time.Second
)

func (o Options) withDefaults() Options {
	if o.Parallel <= 0 {
		o.Parallel = defaultParallel
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Lease <= 0 {
		o.Lease = defaultLease
	}
	if o.Poll <= 0 {
		o.Poll = defaultPoll
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = silent{}
	}
	o.Limits = o.Limits.withDefaults()
	return o
}

type silent struct{}

func (silent) Mail(string)                {}
func (silent) MailAccepted(time.Duration) {}

// Outbox keeps mails and sends them. It is safe for concurrent use, also by
// several nodes on one store.
type Outbox struct {
	store Store
	Options
	wake    chan struct{} // something is to be done
	closing chan struct{} // take no more
	once    sync.Once
	queue   *queue
	health  health
}

// New returns an Outbox. Nothing is sent before Run.
func New(s Store, o Options) *Outbox {
	return &Outbox{
		store: s, Options: o.withDefaults(), wake: make(chan struct{}, 1), closing: make(chan struct{}),
		queue: newQueue(),
	}
}

// nudge has the worker look at the queue now.
func (o *Outbox) nudge() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// Queue returns how many mails wait, as this node saw it last, and since when the
// oldest does.
func (o *Outbox) Queue() (waiting int, oldest time.Time) { return o.queue.waiting() }
