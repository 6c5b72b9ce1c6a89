package attempt

import (
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
)

// scope is what attempts share a record for.
type scope int

const (
	own         scope = iota // one subject, network, cause and method
	ofSubject                // too many of one subject: from anywhere
	ofNetwork                // too many from one network: of anybody
	ofEverybody              // too many on this node
)

// caps counts the new records of an hour. It has no lock of its own.
type caps struct {
	Caps
	hour      time.Time
	strangers int
	users     int
	counts    map[string]int // bounded by the two above
}

// scope decides in which record a new attempt goes and counts it when it gets
// one of its own.
func (c *caps) scope(e Entry, subject string, now time.Time) scope {
	if info, _ := e.Cause.Info(); e.Cause == cause.None && !e.Asked || info.Proven || e.Known {
		return own
	}
	if hour := now.Truncate(time.Hour); !hour.Equal(c.hour) {
		*c = caps{Caps: c.Caps, hour: hour, counts: make(map[string]int)}
	}
	total, most := &c.strangers, c.Strangers
	network, mostOfNetwork := "n"+e.Network, c.Network
	if e.User != "" {
		total, most = &c.users, c.Users
		network, mostOfNetwork = "N"+e.Network, 10*c.Network
	}
	switch {
	case *total >= most:
		return ofEverybody
	case c.counts[network] >= mostOfNetwork:
		return ofNetwork
	case subject != "" && c.counts["s"+subject] >= c.Subject:
		return ofSubject
	}
	*total++
	c.counts[network]++
	c.counts["s"+subject]++
	return own
}

// shared returns what is kept of e in a record of scope s.
func (s scope) shared(e Entry) Entry {
	switch s {
	case own:
		return e
	case ofSubject:
		e.Network = ""
	case ofNetwork:
		e.Typed, e.User, e.Account = "", "", ""
	case ofEverybody:
		e.Typed, e.User, e.Account, e.Network = "", "", "", ""
	}
	e.Agent, e.Locale, e.Session, e.RetryAt, e.DeviceUsers = "", "", "", time.Time{}, nil
	return e
}
