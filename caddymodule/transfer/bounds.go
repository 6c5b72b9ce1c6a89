package transfer

import (
	"errors"
	"io"
	"sync/atomic"

	"github.com/cliendo/gateway/caddymodule/phrase"
)

// What a file may have at most. Beyond it reading ends: files are split.
const (
	MaxBytes = 2 << 30
	MaxRows  = 2_000_000
	// MaxLine is the longest line, in bytes. In CSV quotes may hold line breaks,
	// which nothing of ours has; a quote that is never closed ends here.
	MaxLine = 64 << 10
)

// FileError is about a file as a whole: nothing more of it is read.
type FileError struct {
	Problem, Fix string
	// The same, to be said in another language.
	problem, fix phrase.Phrase
}

// Said returns problem and fix as phrases.
func (e *FileError) Said() (problem, fix phrase.Phrase) { return e.problem, e.fix }

// Error returns problem and fix.
func (e *FileError) Error() string {
	if e.Fix == "" {
		return e.Problem
	}
	return e.Problem + "; " + e.Fix
}

func badFile(problem, fix string, values ...any) error {
	p, f := phrase.Of(problem, values...), phrase.Of(fix, values...)
	return &FileError{Problem: p.String(), Fix: f.String(), problem: p, fix: f}
}

// rowError is about one line; the next can be read.
type rowError struct {
	line         int
	field        string
	problem, fix phrase.Phrase
}

func (e *rowError) Error() string { return e.problem.String() }

// badRow says what is wrong with a line and how to mend it.
func badRow(line int, field, problem, fix string, values ...any) *rowError {
	return &rowError{line: line, field: field, problem: phrase.Of(problem, values...), fix: phrase.Of(fix, values...)}
}

// counted counts what is read, and ends what is too long.
type counted struct {
	r io.Reader
	n atomic.Int64
}

func (c *counted) count() int64 { return c.n.Load() }

func (c *counted) Read(p []byte) (int, error) {
	if c.count() > MaxBytes {
		return 0, badFile("the file is longer than {n} MiB", "split it", "n", MaxBytes>>20)
	}
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// leash bounds how much may be read for one line.
type leash struct {
	r    io.Reader
	left int
}

var errLeash = errors.New("line too long")

// slack is what a buffered reader takes in advance.
const slack = 8 << 10

func (l *leash) renew() { l.left = MaxLine + slack }

func (l *leash) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errLeash
	}
	n, err := l.r.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}
