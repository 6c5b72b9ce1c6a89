package session

import (
	"encoding/binary"
	"math/rand/v2"
	"sync/atomic"
)

// table finds sessions by their cookie. Who looks takes no lock: a look meets what
// was there before a change or after it. Who changes it is alone.
//
// It is an array with a place for each, taken by the key or, where that one is
// taken, by the next: of a session it costs one pointer, or a little more.
type table struct {
	places atomic.Pointer[[]atomic.Pointer[Live]] // a power of two of them
	taken  int                                    // those of sessions that left included
	live   int
}

// left stands where a session was, for whoever was put behind it.
var left Live

const fewestPlaces = 64

func (t *table) init() { t.rebuild(fewestPlaces) }

func (k key) place(n int) int { return int(binary.LittleEndian.Uint64(k[:8]) & uint64(n-1)) } //nolint:gosec // n is a length

func (t *table) get(k key) *Live {
	places := *t.places.Load()
	n := len(places)
	for i := k.place(n); ; i = (i + 1) & (n - 1) {
		l := places[i].Load()
		if l == nil || l.cookie == k && l != &left {
			return l
		}
	}
}

// put adds a session that is not there.
func (t *table) put(l *Live) {
	if t.taken+1 > len(*t.places.Load())/4*3 {
		t.fit(1)
	}
	places := *t.places.Load()
	n := len(places)
	i := l.cookie.place(n)
	for places[i].Load() != nil {
		i = (i + 1) & (n - 1)
	}
	places[i].Store(l)
	t.taken++
	t.live++
}

// fit makes room for all that are there and so many more.
func (t *table) fit(more int) {
	n := fewestPlaces
	for t.live+more > n/2 {
		n *= 2
	}
	t.rebuild(n)
}

// remove tells whether the session was there.
func (t *table) remove(l *Live) bool {
	places := *t.places.Load()
	n := len(places)
	for i := l.cookie.place(n); ; i = (i + 1) & (n - 1) {
		switch places[i].Load() {
		case nil:
			return false
		case l:
			places[i].Store(&left)
			t.live--
			return true
		}
	}
}

func (t *table) rebuild(n int) {
	var old []*Live
	if t.places.Load() != nil {
		old = t.all()
	}
	places := make([]atomic.Pointer[Live], n)
	for _, l := range old {
		i := l.cookie.place(n)
		for places[i].Load() != nil {
			i = (i + 1) & (n - 1)
		}
		places[i].Store(l)
	}
	t.places.Store(&places)
	t.taken, t.live = len(old), len(old)
}

func (t *table) all() []*Live {
	all := make([]*Live, 0, t.live)
	places := *t.places.Load()
	for i := range places {
		if l := places[i].Load(); l != nil && l != &left {
			all = append(all, l)
		}
	}
	return all
}

// asked is how many sessions are compared before one has to go.
const asked = 16

// idlest returns the one of a few sessions, from anywhere, that nobody has used
// for longest; nil where there is none but the one to keep. Those that have just
// come are used right now.
func (t *table) idlest(keep *Live) (found *Live) {
	places := *t.places.Load()
	n, first, seen := len(places), rand.IntN(len(places)), 0 //nolint:gosec // no secret
	for i := range n {
		l := places[(first+i)&(n-1)].Load()
		if l == nil || l == &left || l == keep {
			continue
		}
		if found == nil || l.idler(found) {
			found = l
		}
		if seen++; seen == asked {
			break
		}
	}
	return found
}
