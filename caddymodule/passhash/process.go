package passhash

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"sync"
	"time"
)

const (
	// patience is how long a job may take in the process, not counting its wait for
	// another one there. Where others keep all cores busy it hardly runs, and nobody's
	// login is to wait for that.
	patience = time.Second
	// farewell is how long it may take to end.
	farewell = 5 * time.Second
	// slowly is how many times that a job may take that is slow by itself.
	slowly = 10
	// rest is how long hashes are computed here after the process failed.
	rest = 30 * time.Second
)

// process computes jobs in a process of its own, which is started when there is
// something to do. Where it cannot, the caller computes them itself.
type process struct {
	command  func(workers int) *exec.Cmd
	workers  int
	log      *slog.Logger
	patience time.Duration

	runs   sync.WaitGroup // children that have not ended
	mu     sync.Mutex
	child  *child
	resume time.Time // no new child before
	closed bool
}

// child is one run of the process.
type child struct {
	cmd     *exec.Cmd
	workers int
	in      io.WriteCloser
	gone    chan struct{} // closed when it ended

	mu      sync.Mutex
	encoder *gob.Encoder
	last    uint64
	waiting map[uint64]waiter
}

// waiter is a job under way.
type waiter struct {
	answer chan answer
	slow   bool
}

// do returns false when the job was not done.
func (p *process) do(j job) (answer, bool) {
	c := p.current()
	if c == nil {
		return answer{}, false
	}
	a, err := c.do(j, p.patience)
	if err == nil {
		return a, true
	}
	p.fail(c, err)
	return answer{}, false
}

// current returns the child, started if need be, or nil.
func (p *process) current() *child {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.child != nil || p.closed || time.Now().Before(p.resume) {
		return p.child
	}
	c, out, err := start(p.command(p.workers), p.workers)
	if err != nil {
		p.give(fmt.Errorf("starting the process that hashes passwords: %w", err))
		return nil
	}
	p.runs.Go(func() { c.listen(out) })
	p.child = c
	return c
}

func (p *process) fail(c *child, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.child != c {
		return // known already
	}
	p.child = nil
	_ = c.cmd.Process.Kill()
	if !p.closed {
		p.give(err)
	}
}

// give gives the process up for a while. p.mu is held.
func (p *process) give(err error) {
	p.resume = time.Now().Add(rest)
	p.log.Warn("passwords are hashed with the priority of everything else for now", "error", err, "for", rest)
}

// close ends the process after what it is at.
func (p *process) close() {
	p.mu.Lock()
	c := p.child
	p.child, p.closed = nil, true
	p.mu.Unlock()
	if c != nil {
		_ = c.in.Close()
		late := time.AfterFunc(max(p.patience, farewell), func() { _ = c.cmd.Process.Kill() })
		defer late.Stop()
	}
	p.runs.Wait()
}

func start(cmd *exec.Cmd, workers int) (*child, io.Reader, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	return &child{
		cmd: cmd, workers: workers, in: in, gone: make(chan struct{}),
		encoder: gob.NewEncoder(in), waiting: make(map[uint64]waiter),
	}, out, nil
}

// listen hands the answers out until the process ends.
func (c *child) listen(out io.Reader) {
	defer close(c.gone)
	for decoder := gob.NewDecoder(out); ; {
		var r reply
		if err := decoder.Decode(&r); err != nil {
			break
		}
		c.mu.Lock()
		w := c.waiting[r.ID]
		delete(c.waiting, r.ID)
		c.mu.Unlock()
		if w.answer != nil {
			w.answer <- r.Answer
		}
	}
	_ = c.cmd.Process.Kill() // it may have closed its output only
	_ = c.cmd.Wait()
}

var (
	errGone = errors.New("the process that hashes passwords ended")
	errSlow = errors.New("the process that hashes passwords does not answer in time")
)

func (c *child) do(j job, patience time.Duration) (answer, error) {
	w := waiter{answer: make(chan answer, 1), slow: j.Slow}
	c.mu.Lock()
	c.last++
	c.waiting[c.last] = w
	patience = c.within(j, patience)
	err := c.encoder.Encode(request{c.last, j})
	c.mu.Unlock()
	if err != nil {
		return answer{}, fmt.Errorf("%w: %w", errGone, err)
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case a := <-w.answer:
		return a, nil
	case <-c.gone:
		return answer{}, errGone
	case <-timer.C:
		return answer{}, errSlow
	}
}

// within is how long a job may take that was just added to those under way: one more
// than can be computed waits for one of the others first. c.mu is held.
func (c *child) within(j job, patience time.Duration) time.Duration {
	limit := patience
	if j.Slow {
		limit *= slowly
	}
	if len(c.waiting) <= c.workers {
		return limit
	}
	for _, w := range c.waiting {
		if w.slow {
			return limit + slowly*patience
		}
	}
	return limit + patience
}
