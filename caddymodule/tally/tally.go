// Package tally counts what reports show: logins by outcome, refusals by cause,
// mails by what the server said, for each day, each account and all together; and
// it keeps a list of where people may have to wait. It owns the counters and how
// they are written: gathered in memory, and every half a minute added to one
// record for each account in which something happened. A crash loses what was
// counted since.
//
// Only accounts that have users get counters, names of counters come from closed
// lists, and the list of delays is capped: however many addresses strangers make
// up, it does not grow. What makes people wait are the budgets of limit.
package tally

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Names of the counters. Those that end with a dot go on with a cause, or with
// the state of a mail, a dot and the reply code.
const (
	LoggedIn  = "login.ok"
	Refused   = "login.refused"
	MailAsked = "login.mail_asked"
	Cause     = "cause."
	Mail      = "mail."
)

// ofSession is the method of what the guard refuses: no try to log in.
const ofSession = "session"

// Store is where counters lie.
type Store interface {
	store.Reader
	store.Updater
}

// Options of a Counter. Zero fields take the defaults.
type Options struct {
	// Location is where days begin and end; default Europe/Amsterdam.
	Location *time.Location
	// FlushEvery is how often is written; default 30 seconds.
	FlushEvery time.Duration
	// Keep is how long the counters of a day are kept; default 400 days.
	Keep time.Duration
	// MaxDelays and MaxStrangers cap the list of delays of this node: of users, and
	// of addresses nobody has; default 10000 and 500.
	MaxDelays, MaxStrangers int
	Now                     func() time.Time
	Log                     *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Location == nil {
		o.Location = directory.DefaultLocation()
	}
	if o.FlushEvery <= 0 {
		o.FlushEvery = 30 * time.Second
	}
	if o.Keep <= 0 {
		o.Keep = 400 * 24 * time.Hour
	}
	if o.MaxDelays <= 0 {
		o.MaxDelays = 10_000
	}
	if o.MaxStrangers <= 0 {
		o.MaxStrangers = 500
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// bucket is what one record counts: one day of one account.
type bucket struct{ account, day string }

// maxBuckets bounds what is not written yet: so many accounts in half a minute.
// Above it only the counters of everybody go on.
const maxBuckets = 20_000

// Counter counts. It is safe for concurrent use; each node adds its own.
type Counter struct {
	store Store
	o     Options

	mu        sync.Mutex
	counts    map[bucket]map[string]int64
	delays    map[string]*delay
	strangers int
	timer     *time.Timer
	closed    bool

	flushing sync.Mutex
	timers   sync.WaitGroup
}

// New returns a Counter. Close writes what it still holds.
func New(s Store, o Options) *Counter {
	return &Counter{
		store: s, o: o.withDefaults(), counts: map[bucket]map[string]int64{}, delays: map[string]*delay{},
	}
}

// Attempt counts one try to log in, or one request that was refused.
func (c *Counter) Attempt(e attempt.Entry) {
	now := c.o.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case e.Method == ofSession:
	case e.Cause != cause.None:
		c.add(e.Account, now, Refused)
	case e.Asked:
		c.add(e.Account, now, MailAsked)
	default:
		c.add(e.Account, now, LoggedIn)
	}
	if _, known := e.Cause.Info(); e.Cause != cause.None && known {
		c.add(e.Account, now, Cause+string(e.Cause))
	}
	c.note(e, now)
	c.schedule()
}

// Mail counts what became of a try to send a mail to a user of an account, empty
// for nobody's. code is the reply of the server, 0 for none.
func (c *Counter) Mail(account, state string, code int) {
	if code < 200 || code > 599 {
		code = 0
	}
	now := c.o.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(account, now, Mail+state+"."+strconv.Itoa(code))
	c.schedule()
}

// add counts one for everybody and for an account. c.mu is held.
func (c *Counter) add(account string, now time.Time, name string) {
	day := now.In(c.o.Location).Format(time.DateOnly)
	c.count(bucket{"", day}, name)
	if account != "" {
		c.count(bucket{account, day}, name)
	}
}

func (c *Counter) count(b bucket, name string) {
	counts := c.counts[b]
	if counts == nil {
		if len(c.counts) >= maxBuckets && b.account != "" {
			return
		}
		counts = map[string]int64{}
		c.counts[b] = counts
	}
	counts[name]++
}

// Day is the counters of one day.
type Day struct {
	Day    string // 2006-01-02
	Counts map[string]int64
}

// maxDays bounds a report.
const maxDays = 400

// Days returns the counters of the last n days, today last, of an account; empty:
// of everybody. Days on which nothing happened are there as well.
func (c *Counter) Days(ctx context.Context, account string, n int) ([]Day, error) {
	n = min(max(n, 1), maxDays)
	noon := c.o.Now().In(c.o.Location)
	noon = time.Date(noon.Year(), noon.Month(), noon.Day(), 12, 0, 0, 0, c.o.Location)
	days, at := make([]Day, n), map[string]int{}
	for i := range days {
		day := noon.AddDate(0, 0, i-n+1).Format(time.DateOnly)
		days[i], at[day] = Day{Day: day, Counts: map[string]int64{}}, i
	}
	items, err := store.Tallies.Scan(ctx, c.store, store.TallyTag(account), "", before(days[0].Day), maxDays)
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		if i, ok := at[item.ID]; ok {
			merge(days[i].Counts, item.Value.Counts)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range days {
		merge(days[i].Counts, c.counts[bucket{account, days[i].Day}])
	}
	return days, nil
}

// before is an id that sorts right before a day.
func before(day string) string { return day[:len(day)-1] + string(day[len(day)-1]-1) + "~" }

func merge(into, from map[string]int64) {
	for name, n := range from {
		into[name] += n
	}
}
