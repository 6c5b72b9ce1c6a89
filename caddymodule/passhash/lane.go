package passhash

import (
	"container/list"
	"slices"
)

// turn is one caller that waits.
type turn struct {
	lane    *lane
	network string
	// outcome receives once: true with a place, false when room had to be made.
	outcome chan bool
}

// line is those of one network, in order of arrival.
type line struct {
	turns []*turn
	round *list.Element
}

// lane is a waiting room in which networks take turns. It has no lock of its own.
type lane struct {
	room       int
	perNetwork int
	waiting    int
	lines      map[string]*line
	round      *list.List // of networks; the front one is next
}

func newLane(room, perNetwork int) *lane {
	return &lane{room: room, perNetwork: perNetwork, lines: make(map[string]*line), round: list.New()}
}

// admit lets one more wait, or returns nil. When the lane is full and push is
// true, a network with more waiting than this one would have loses its last.
func (l *lane) admit(network string, push bool) *turn {
	if l.closed(network, push) {
		return nil
	}
	if l.waiting >= l.room {
		last := l.longest().last()
		l.remove(last)
		last.outcome <- false
	}
	ln := l.lines[network]
	if ln == nil {
		ln = &line{round: l.round.PushBack(network)}
		l.lines[network] = ln
	}
	t := &turn{lane: l, network: network, outcome: make(chan bool, 1)}
	ln.turns = append(ln.turns, t)
	l.waiting++
	return t
}

// closed tells whether admit would return nil.
func (l *lane) closed(network string, push bool) bool {
	own := 0
	if ln := l.lines[network]; ln != nil {
		own = len(ln.turns)
	}
	if own >= l.perNetwork {
		return true
	}
	if l.waiting < l.room {
		return false
	}
	// Room is made only by who has more than is fair.
	longest := l.longest()
	return !push || longest == nil || len(longest.turns) <= own+1
}

// longest is the line of the network with most waiting, nil when nobody waits.
func (l *lane) longest() *line {
	var longest *line
	for _, ln := range l.lines {
		if longest == nil || len(ln.turns) > len(longest.turns) {
			longest = ln
		}
	}
	return longest
}

func (ln *line) last() *turn { return ln.turns[len(ln.turns)-1] }

// pop takes out the next one, or returns nil.
func (l *lane) pop() *turn {
	front := l.round.Front()
	if front == nil {
		return nil
	}
	l.round.MoveToBack(front)
	t := l.lines[front.Value.(string)].turns[0]
	l.remove(t)
	return t
}

// remove takes t out; false when it is not in any more.
func (l *lane) remove(t *turn) bool {
	ln := l.lines[t.network]
	if ln == nil {
		return false
	}
	i := slices.Index(ln.turns, t)
	if i < 0 {
		return false
	}
	ln.turns = slices.Delete(ln.turns, i, i+1)
	l.waiting--
	if len(ln.turns) == 0 {
		l.round.Remove(ln.round)
		delete(l.lines, t.network)
	}
	return true
}
