package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
)

// Options of Import. Directory and Format are needed.
type Options struct {
	Directory *directory.Directory
	Format    Format
	// DryRun reports what would happen and writes nothing.
	DryRun bool
	// NewOnly leaves accounts and users that are there already as they are.
	NewOnly bool
	// Staff lets users of the built-in account staff in, who may see everything.
	Staff bool
	// By is who blocked people that the file says are blocked; default "import".
	By string
	// Workers is how many lines are written at the same time; default 256. Stores
	// write many at once much faster than one after the other.
	Workers int
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Problem is told of each line that is not taken, in the order of the file.
	// Optional.
	Problem func(Problem)
	// Progress is told how far it is, a few times a second and at the end. Optional.
	Progress func(Progress)
}

// Progress says how far an import is.
type Progress struct {
	Bytes  int64 `json:"bytes"` // read so far
	Rows   int   `json:"rows"`
	Failed int   `json:"failed,omitempty"`
}

const (
	defaultWorkers = 256
	progressEvery  = 200 * time.Millisecond
)

// Import reads accounts and users and writes those that are not there yet or
// differ. Lines that cannot be taken are reported, the others are written. What
// was written stays when it is broken off, and a second run finds it as it
// should be: so running it again goes on, and after that changes nothing.
//
// An account must stand before its users, or exist. Errors are *FileError where
// the file as a whole cannot be read; after any other, as from a store that does
// not answer, the same file can be imported again.
func Import(ctx context.Context, r io.Reader, o Options) (Summary, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Workers <= 0 {
		o.Workers = defaultWorkers
	}
	if o.By == "" {
		o.By = "import"
	}
	im := &importer{
		Options: o, input: &counted{r: r}, accounts: map[string]*plan{}, seen: newSeen(),
		summary: Summary{DryRun: o.DryRun, Refused: map[cause.Cause]int{}, Problems: []Problem{}},
	}
	err := im.run(ctx)
	im.report(true)
	return im.summary, err
}

// importer is one run of Import.
type importer struct {
	Options
	input    *counted
	summary  Summary
	seen     *seen
	accounts map[string]*plan // by id; only the reader touches the map
	reported time.Time
}

// run reads lines and hands them to workers. Results are taken in the order of
// the file, however the workers come along.
func (im *importer) run(parent context.Context) error {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	var (
		free    = make(chan struct{}, im.Workers)
		waiting = make(chan chan result, im.Workers)
		readErr error
		reading sync.WaitGroup
	)
	reading.Go(func() {
		defer close(waiting)
		readErr = im.read(ctx, func(work func() result) {
			done := make(chan result, 1)
			waiting <- done
			free <- struct{}{}
			reading.Go(func() {
				defer func() { <-free }()
				done <- work()
			})
		})
	})
	var fatal error
	for done := range waiting {
		r := <-done
		if r.fatal != nil {
			fatal = errors.Join(fatal, r.fatal)
			cancel() // what is under way ends, and is written or not
			continue
		}
		if fatal == nil {
			im.take(r)
		}
	}
	reading.Wait()
	switch {
	case parent.Err() != nil:
		return fmt.Errorf("importing: %w", parent.Err())
	case fatal != nil:
		return fmt.Errorf("importing: %w", fatal)
	}
	return readErr
}

// take counts a result and tells of it.
func (im *importer) take(r result) {
	im.summary.add(r)
	if r.problem != nil && im.Problem != nil {
		im.Problem(*r.problem)
	}
	im.report(false)
}

func (im *importer) report(last bool) {
	if im.Progress == nil || !last && im.summary.Rows%64 != 0 {
		return
	}
	if now := time.Now(); last || now.Sub(im.reported) >= progressEvery {
		im.reported = now
		im.Progress(Progress{Bytes: im.input.count(), Rows: im.summary.Rows, Failed: im.summary.Failed})
	}
}

// read reads all lines, and gives begin what to do about each.
func (im *importer) read(ctx context.Context, begin func(func() result)) error {
	lines, err := open(im.input, im.Format)
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r, err := lines.next()
		var line *rowError
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &line):
			begin(func() result { return lineFailed(line) })
			continue
		case err != nil:
			return err
		case n >= MaxRows:
			return badFile("the file has more than {n} lines", "split it", "n", MaxRows)
		}
		begin(im.plan(ctx, r))
	}
}

func lineFailed(e *rowError) result {
	return result{problem: problemOf(&Problem{Line: e.line, Field: e.field}, e.problem, e.fix)}
}

// plan decides what to do about a line, in the order of the file: duplicates are
// found here, and a user waits for the line of their account.
func (im *importer) plan(ctx context.Context, r row) func() result {
	if err := r.check(); err != nil {
		return im.failed(r, err)
	}
	id := r.text(colAccount)
	if r.record() == recordAccount {
		if p := im.accounts[id]; p != nil && p.line > 0 {
			return im.failed(r, r.bad(colAccount, "line {line} is about this account as well", "remove one", "line", p.line))
		}
		p := &plan{line: r.line, done: make(chan struct{})}
		im.accounts[id] = p
		return func() result { return im.finish(r, p.make(ctx, im, r)) }
	}
	if err := im.seen.user(r); err != nil {
		return im.failed(r, err)
	}
	p := im.accounts[id]
	if p == nil {
		p = &plan{done: make(chan struct{})}
		im.accounts[id] = p
		return func() result {
			p.load(ctx, im, id)
			return im.finish(r, im.user(ctx, r, p))
		}
	}
	return func() result { return im.finish(r, im.user(ctx, r, p)) }
}

func (im *importer) failed(r row, err error) func() result {
	return func() result { return im.finish(r, result{fatal: err}) }
}

// finish turns errors about a line into problems; others stay fatal.
func (im *importer) finish(r row, res result) result {
	res.record = r.record()
	if res.fatal == nil {
		return res
	}
	if p, ok := asProblem(r, res.fatal); ok {
		res.problem, res.fatal = p, nil
		return res
	}
	res.fatal = fmt.Errorf("line %d: %w", r.line, res.fatal)
	return res
}
