// Package passhash hashes and compares passwords. It owns the hash function,
// how hashes are written down, and the queue that keeps a flood of logins from
// using up memory or shutting people out. Which passwords are good enough, who
// may try and how often, and where a hash is kept is decided elsewhere.
//
// Passwords are taken exactly as typed: nothing is trimmed, folded or cut.
package passhash

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"runtime"
	"sync/atomic"
	"time"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrBusy: more work than fits. Nothing was compared; in a moment it may fit.
	ErrBusy = errors.New("too many passwords to hash at once")
	// ErrUnknownScheme: the stored hash is of a kind, or has costs, that are not
	// accepted. Nobody can log in with it; the password must be set anew.
	ErrUnknownScheme = errors.New("password hash of an unknown scheme")
	// ErrLength: a password to be hashed is empty or longer than MaxLength.
	ErrLength = errors.New("password is empty or too long")
)

// MaxLength is the longest password in bytes. A longer one costs as much work
// as any other and is never right.
const MaxLength = 1024

// Defaults of Options. Three hundred people of one office who log in at the
// same moment fit; on two cores the last of them waits about six seconds.
const (
	DefaultQueue      = 1024
	DefaultReserved   = 512
	DefaultPerNetwork = 512
	DefaultMaxWait    = 30 * time.Second
)

// Options of a Hasher. Zero fields take the defaults.
type Options struct {
	// Params of new hashes; default DefaultParams.
	Params Params
	// Workers is how many passwords are hashed at the same time; default the
	// number of cores. Each takes Params.Memory while it runs, and up to
	// MaxMemory where a hash with other costs was brought along.
	Workers int
	// Queue is how many may wait, default DefaultQueue. When it is full the
	// network that has most waiting makes room for one that has few.
	Queue int
	// Reserved is how many may wait in the reserved lane, default
	// DefaultReserved. Who does not fit there waits with the others.
	Reserved int
	// PerNetwork is how many of one network may wait in a lane, default
	// DefaultPerNetwork.
	PerNetwork int
	// Process starts the process that computes the hashes, so many at a time, which
	// calls Serve with its standard input and output. Without it, and for a while after it failed,
	// hashes are computed here. Go knows no priorities, and a hash keeps a core
	// for 20 to 40 ms: on two cores that other programs used as well, a flood of
	// logins made other requests of the same process 20 times as slow in the
	// median and 40 times at the 99th percentile. With half the workers the median
	// stayed as it was, at half the logins; with a process of its own it stayed
	// too, at no such loss. How much of the 99th percentile that saves depends on
	// what else runs. It also keeps the garbage of hashing, 19 MiB each time, away from
	// a large heap.
	Process func(workers int) *exec.Cmd
	// Log is told when Process fails; default slog.Default.
	Log *slog.Logger
	// MaxWait is how long one waits at most, default DefaultMaxWait. It must stay
	// well below the time after which a reserved attempt lapses.
	MaxWait time.Duration
}

// Place says who asks, so that waiting is shared out fairly.
type Place struct {
	// Network is where the request came from. Networks take turns.
	Network string
	// Reserved is true for a known device and for somebody who already proved
	// something: they are served first, though never exclusively.
	Reserved bool
	// Low is true for work that nobody waits for: it is served when nobody else
	// waits, and dropped when much of it does.
	Low bool
}

// Result of a comparison.
type Result struct {
	// OK: the password is right.
	OK bool
	// Outdated: it is right, and its hash is of another scheme or has other costs
	// than new ones have.
	Outdated bool
}

// Hasher hashes passwords, a bounded number at a time. It is safe for
// concurrent use.
type Hasher struct {
	params  Params
	dummy   string
	queue   *queue
	process *process      // or nil
	here    chan struct{} // held by whoever hashes in this process
	level   level
	total   atomic.Uint64
}

// New returns a Hasher. It panics when o.Params are out of bounds: check what
// comes from people with Params.Validate first.
func New(o Options) *Hasher {
	o = o.withDefaults()
	if err := o.Params.Validate(); err != nil {
		panic(fmt.Sprintf("passhash: %v", err))
	}
	h := &Hasher{params: o.Params, dummy: dummy(o.Params), queue: newQueue(o), here: make(chan struct{}, o.Workers)}
	if o.Process != nil {
		h.process = &process{command: o.Process, workers: o.Workers, log: o.Log, patience: patience}
	}
	return h
}

// Close ends the process of Options.Process. A closed Hasher still works.
func (h *Hasher) Close() error {
	if h.process != nil {
		h.process.close()
	}
	return nil
}

func (o Options) withDefaults() Options {
	o.Params = o.Params.withDefaults()
	o.Workers = positive(o.Workers, runtime.GOMAXPROCS(0))
	o.Queue = positive(o.Queue, DefaultQueue)
	o.Reserved = positive(o.Reserved, DefaultReserved)
	o.PerNetwork = positive(o.PerNetwork, DefaultPerNetwork)
	o.MaxWait = positive(o.MaxWait, DefaultMaxWait)
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

func positive[T int | time.Duration](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}

// Hash returns the encoded hash of a password that is to be kept. Whoever sets
// a password has proved something, so it waits in the reserved lane.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if password == "" || len(password) > MaxLength {
		return "", fmt.Errorf("hashing a password of %d bytes: %w", len(password), ErrLength)
	}
	j := job{Params: h.params, Password: password, Slow: h.params.work() > slow}
	a, err := h.inTurn(ctx, Place{Reserved: true}, j)
	if err != nil {
		return "", err
	}
	return a.Encoded, a.err()
}

// run computes a job. The caller has a place.
func (h *Hasher) run(j job) answer {
	h.total.Add(1)
	if h.process != nil {
		if a, done := h.process.do(j); done {
			return a
		}
	}
	h.here <- struct{}{}
	defer func() { <-h.here }()
	return j.run()
}

// Verify compares password with an encoded hash. An empty encoded stands for
// somebody who has no password or does not exist: it costs the same work and is
// never OK. ErrUnknownScheme costs that work as well, so that the clock tells
// strangers nothing. A hash of another scheme that is cheaper than ours is
// compared next to one of ours; see level for those that are not.
func (h *Hasher) Verify(ctx context.Context, encoded, password string, p Place) (Result, error) {
	usable := encoded != ""
	if !usable {
		encoded = h.dummy
	}
	hash, unknown := decode(encoded)
	if unknown != nil {
		encoded, usable = h.dummy, false
	}
	if len(password) > MaxLength {
		password, usable = password[:MaxLength], false
	}
	j, work := job{Encoded: encoded, Password: password}, hash.work
	foreign := unknown == nil && hash.params != h.params
	switch {
	case unknown != nil:
		work = h.params.work()
	case foreign && hash.work < h.params.work():
		j.Beside, work = h.dummy, hash.work+h.params.work()
	}
	j.Slow = work > slow
	a, err := h.inTurn(ctx, p, j)
	if err != nil {
		return Result{}, err
	}
	if foreign {
		h.level.learn(a.Took)
	}
	ok := a.OK && usable
	if !ok && !p.Low { // nobody waits for what is low
		h.level.wait(ctx, a.Took)
	}
	return Result{OK: ok, Outdated: ok && hash.params != h.params}, errors.Join(unknown, a.err())
}

// Full tells whether Verify would be ErrBusy at this moment: whoever asks before
// anything else spares a flood of logins all other work.
func (h *Hasher) Full(p Place) bool { return h.queue.full(p) }

// slow is the work from which a job is given more time in the process.
const slow = 200 * time.Millisecond

// inTurn computes a job when its turn has come.
func (h *Hasher) inTurn(ctx context.Context, p Place, j job) (answer, error) {
	if err := h.queue.enter(ctx, p); err != nil {
		return answer{}, err
	}
	defer h.queue.leave()
	return h.run(j), nil
}

// Stats returns how many passwords are being hashed and how many callers wait
// right now, and how many hashes were asked for since New.
func (h *Hasher) Stats() (running, waiting int, total uint64) {
	running, waiting = h.queue.stats()
	return running, waiting, h.total.Load()
}
