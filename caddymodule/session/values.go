package session

import (
	"strings"
	"time"
)

// What the app is told about a session, as indexes of Facts.Told.
const (
	ValueUser = iota // stable user id, never the address
	ValueEmail
	ValueName
	ValueGroups // the type
	ValueAccount
	ValueAccountState
	ValueSession // public handle
	ValueAmr
	ValueAuthTime  // unix seconds
	ValueAssertion // what Facts.Assertion returns, where a site wants it
	Values         // how many there are
)

// Tell writes down what the app is told, in the order of the constants of this
// package, but for the assertion.
func (f *Facts) Tell(values *[Values]string) {
	kind := f.User.kind.Value()
	values[ValueUser] = f.User.ID()
	values[ValueEmail], values[ValueName] = f.User.told()
	values[ValueGroups] = kind.groups
	values[ValueAccount] = kind.account
	values[ValueAccountState] = ascii(f.Account.State)
	values[ValueSession] = f.Session.Handle()
	values[ValueAmr] = f.Session.manner.Value().amr
	values[ValueAuthTime] = f.Session.authTime()
}

// Told is what Tell writes down.
func (f *Facts) Told() (values [Values]string) {
	f.Tell(&values)
	return values
}

var placeholderValues = map[string]int{
	"id": ValueUser, "email": ValueEmail, "name": ValueName, "groups": ValueGroups,
	"account": ValueAccount, "account_state": ValueAccountState, "session": ValueSession,
	"amr": ValueAmr, "auth_time": ValueAuthTime,
}

// Placeholder answers Caddy's {http.auth.user.*}. Of nobody, which nil facts are, all
// are empty: Caddy hands on by name what it does not know.
func (f *Facts) Placeholder(key string) (any, bool) {
	name, ok := strings.CutPrefix(key, "http.auth.user.")
	if !ok {
		return nil, false
	}
	i, ok := placeholderValues[name]
	if !ok {
		return nil, false
	}
	if f == nil {
		return "", true
	}
	return f.Told()[i], true
}

// ascii percent-encodes what is not printable ASCII, as UTF-8, and the percent
// sign itself, so that a name arrives whole in every server (P34) and can never
// break a header.
func ascii(s string) string {
	const hex = "0123456789ABCDEF"
	clean := true
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e || s[i] == '%' {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c < 0x20 || c > 0x7e || c == '%' {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// maxName is how many bytes of a name the app is told, as they are sent. With it all
// that a site is told by default stays below 2 KiB (P28): an address has 382 bytes at
// most, an id 63, a type 32.
const maxName = 1024

// cut stands where the rest of a name was left out.
const cut = "…"

// bounded is a name as the app is told it. Of one that is longer than headers bear,
// such as 100 emoji, the end is left out.
func bounded(name string) string {
	told := ascii(name)
	if len(told) <= maxName {
		return told
	}
	at, left := 0, maxName-len(ascii(cut))
	for i, r := range name {
		if left -= len(ascii(string(r))); left < 0 {
			at = i
			break
		}
	}
	return ascii(name[:at] + cut)
}

// Left returns how long the session lasts if nothing more is asked of it, and how
// long at the most.
func (l *Live) Left(f *Facts, now time.Time) (idle, absolute time.Duration) {
	absolute = f.Session.end().Sub(now)
	idle = time.Unix(l.seen.Load()+f.Session.idle(), 0).Sub(now)
	return max(min(idle, absolute), 0), max(absolute, 0)
}
