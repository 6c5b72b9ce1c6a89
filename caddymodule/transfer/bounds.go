package transfer

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
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
type FileError struct{ Problem, Fix string }

// Error returns problem and fix.
func (e *FileError) Error() string {
	if e.Fix == "" {
		return e.Problem
	}
	return e.Problem + "; " + e.Fix
}

func badFile(problem, fix string) error { return &FileError{Problem: problem, Fix: fix} }

// rowError is about one line; the next can be read.
type rowError struct {
	line                int
	field, problem, fix string
}

func (e *rowError) Error() string { return e.problem }

// counted counts what is read, and ends what is too long.
type counted struct {
	r io.Reader
	n atomic.Int64
}

func (c *counted) count() int64 { return c.n.Load() }

func (c *counted) Read(p []byte) (int, error) {
	if c.count() > MaxBytes {
		return 0, badFile(fmt.Sprintf("the file is longer than %d MiB", int64(MaxBytes)>>20), "split it")
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
