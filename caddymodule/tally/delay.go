package tally

import (
	"context"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/store"
)

// delay is an entry of the list, and whether it is written.
type delay struct {
	store.Delay
	id    string
	dirty bool
}

// note puts a delay that an attempt met on the list. c.mu is held.
func (c *Counter) note(e attempt.Entry, now time.Time) {
	subject := attempt.Subject(e.User, e.Typed)
	if subject == "" || !e.RetryAt.After(now) || e.Network == "" {
		return
	}
	id := subject + "|" + e.Network
	d := c.delays[id]
	if d == nil {
		c.forget(now)
		if c.full(e.User == "") {
			return
		}
		d = &delay{id: id, Delay: store.Delay{
			Subject: subject, Network: e.Network, Account: e.Account, User: e.User, Address: e.Typed,
		}}
		c.delays[id] = d
		if e.User == "" {
			c.strangers++
		}
	}
	if e.RetryAt.After(d.Until) {
		d.Until, d.dirty = e.RetryAt, true
	}
}

func (c *Counter) full(stranger bool) bool {
	if stranger {
		return c.strangers >= c.o.MaxStrangers
	}
	return len(c.delays)-c.strangers >= c.o.MaxDelays
}

// forget drops delays that are over, when there are so many that it pays.
func (c *Counter) forget(now time.Time) {
	if !c.full(true) && !c.full(false) {
		return
	}
	c.drop(now)
}

func (c *Counter) drop(now time.Time) {
	for id, d := range c.delays {
		if !d.Until.After(now) {
			delete(c.delays, id)
			if d.User == "" {
				c.strangers--
			}
		}
	}
}

// Delays returns where people of an account may have to wait, empty for everybody,
// at most n. Whether they really do, the budgets of each subject and network say:
// they may have been cleared.
func (c *Counter) Delays(ctx context.Context, account string, n int) ([]store.Delay, error) {
	if err := c.writeDelays(ctx); err != nil {
		return nil, err
	}
	items, err := store.Delays.Scan(ctx, c.store, store.TallyTag(account), "", "", n)
	if err != nil {
		return nil, err
	}
	all := make([]store.Delay, len(items))
	for i, item := range items {
		all[i] = *item.Value
	}
	return all, nil
}
