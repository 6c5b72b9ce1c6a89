// Package attempt keeps the story of the tries to log in: what was typed, from
// where, what came of it, and the reference by which people and the support
// desk find it. It owns the records, how those alike are drawn together, and
// the caps that keep a flood from filling the disk. Whether a try is allowed,
// what its cause is, and who may read its story is decided elsewhere.
//
// No secret is ever kept: of what was typed only what has the shape of an
// address, and of the browser only a few words.
package attempt

import (
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// ErrNoReference is returned when no free reference could be found. It takes a
// store full of attempts, or a broken source of random numbers.
var ErrNoReference = errors.New("no free reference")

// Store is what the attempts are kept in.
type Store interface {
	store.Reader
	store.Updater
}

// Options of a Recorder. Zero fields take the defaults.
type Options struct {
	// Keep is how long attempts are kept; default 90 days.
	Keep time.Duration
	// Coalesce is how long attempts of one subject, network, cause and method are
	// drawn together into one record; default 10 minutes.
	Coalesce time.Duration
	// FlushEvery is how often repeats are written; default 3 seconds. The first of
	// a record is written at once. A crash loses the count of repeats since.
	FlushEvery time.Duration
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Log is told what could not be written; default slog.Default.
	Log *slog.Logger
	// Reference makes references; default secret.Reference.
	Reference func() string
	Caps      Caps
	// Tally counts every attempt for reports, without a wait. Optional.
	Tally Tally
}

// Tally counts attempts.
type Tally interface{ Attempt(e Entry) }

// Caps bound the new records of an hour. Above one, attempts are counted in a
// record they share, which says less. Attempts that proved something, or come
// from a known device of the user, are never capped. Zero fields take the
// defaults.
type Caps struct {
	// Network is for one network and addresses nobody has, default 60; for
	// addresses of users it is ten times as much: an office shares a network.
	Network int
	// Subject is for one user or address, default 60.
	Subject int
	// Strangers is for this node and addresses nobody has, default 5000.
	Strangers int
	// Users is for this node and addresses of users, default 20000.
	Users int
}

func (o Options) withDefaults() Options {
	o.Keep = orElse(o.Keep, 90*24*time.Hour)
	o.Coalesce = orElse(o.Coalesce, 10*time.Minute)
	o.FlushEvery = orElse(o.FlushEvery, 3*time.Second)
	o.Caps.Network = orElse(o.Caps.Network, 60)
	o.Caps.Subject = orElse(o.Caps.Subject, 60)
	o.Caps.Strangers = orElse(o.Caps.Strangers, 5000)
	o.Caps.Users = orElse(o.Caps.Users, 20000)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Reference == nil {
		o.Reference = secret.Reference
	}
	return o
}

func orElse[T int | time.Duration](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}

// Entry is one try.
type Entry struct {
	// Cause why it was refused; cause.None: logged in.
	Cause cause.Cause
	// Method by which it was tried, e.g. "password".
	Method string
	// Typed is the canonical form of the typed address, empty where what was
	// typed is none.
	Typed string
	// User and Account are whose address it is, empty where nobody's.
	User, Account string
	// Network it came from, in the form of limit.Network.
	Network string
	// Agent is what Agent makes of the browser's name.
	Agent string
	// Locale of the page, e.g. "nl".
	Locale string
	// Session is the public handle of the session that came of it.
	Session string
	// Known: the browser is a known device of the user.
	Known bool
	// RetryAt is when the next try is possible, where there is a wait.
	RetryAt time.Time
	// Asked: a mail was asked for; nobody logged in, whatever Cause says. Its id is
	// added by Mailed when it is known.
	Asked bool
	// DeviceUsers are users who logged in with that browser last. They are kept for
	// attempts of nobody only.
	DeviceUsers []string
}

// sent is true when a mail was asked for and not refused.
func (e Entry) sent() bool { return e.Asked && e.Cause == cause.None }

// Subject returns the name under which attempts and budgets of a user are kept,
// or, where user is empty, those of a canonical address nobody has. Both empty
// give the empty string.
func Subject(user, address string) string {
	switch {
	case user != "":
		return "u:" + user
	case address != "":
		return "x:" + secret.Digest(address)
	}
	return ""
}

// cleaned returns e with everything bounded and nothing that may be a secret.
func (e Entry) cleaned() Entry {
	if !addressLike(e.Typed) {
		e.Typed = ""
	}
	for _, field := range []*string{&e.Method, &e.Network, &e.Agent, &e.Locale, &e.Session} {
		*field = clip(*field)
	}
	if e.User != "" || len(e.DeviceUsers) > maxDeviceUsers {
		e.DeviceUsers = nil
	}
	return e
}

// addressLike is a second look at what the caller vouches for: passwords get
// typed into the field of the address.
func addressLike(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && len(s) <= 254 && local != "" &&
		strings.Contains(domain, ".") && !strings.Contains(domain, "@") &&
		!strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

const (
	maxField       = 64
	maxDeviceUsers = 8
)

func clip(s string) string {
	if len(s) > maxField {
		s = s[:maxField]
	}
	return strings.ToValidUTF8(s, "")
}
