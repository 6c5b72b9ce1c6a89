// Package testkit is what tests of rooms stand on: a clock that is pushed, both kinds
// of store, keys, a quick hasher, an outbox whose letters can be read, a browser that
// keeps cookies. What only one room needs is in the kit of that room; the whole binary
// has a kit of its own, endtoend/kit.
package testkit

import (
	"sync/atomic"
	"time"
)

// Monday is when most tests play.
var Monday = time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)

// Clock stands still until it is pushed.
type Clock struct{ at atomic.Int64 }

// NewClock returns one that stands at a moment.
func NewClock(at time.Time) *Clock {
	c := &Clock{}
	c.at.Store(at.UnixNano())
	return c
}

// Now is what it shows.
func (c *Clock) Now() time.Time { return time.Unix(0, c.at.Load()).UTC() }

// Push moves it on.
func (c *Clock) Push(d time.Duration) { c.at.Add(int64(d)) }

// Set moves it to a moment.
func (c *Clock) Set(at time.Time) { c.at.Store(at.UnixNano()) }
