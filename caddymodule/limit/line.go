package limit

import (
	"context"
	"slices"
	"sync"
	"time"
)

// abreast is how many of a line ask the store side by side: a store that groups
// its writes serves them together.
const abreast = 8

// lines are the tries of this node that wait for places: one line for each
// first slot of a group. Only the first few in line ask the store, so that
// hundreds of people behind one address do not ask all at once.
type lines struct {
	mu    sync.Mutex
	byTag map[string]map[string]*line
}

type line struct {
	lines *lines
	tag   string
	id    string
	users int           // under lines.mu
	first chan struct{} // holds one for each of the first in line
	news  chan struct{} // one for each place that may have come free
}

// standing tells whether anybody waits for one of them, so that newcomers do not
// overtake.
func (l *lines) standing(groups []group) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(groups, func(g group) bool { return l.byTag[g.tag][g.slots[0].id] != nil })
}

// stand returns when the caller is among the first in line; it must leave then.
func (l *lines) stand(ctx context.Context, g group) (*line, error) {
	ln := l.join(g.tag, g.slots[0].id)
	select {
	case ln.first <- struct{}{}: // blocked senders are served in order
		return ln, nil
	case <-ctx.Done():
		ln.quit()
		return nil, ctx.Err()
	}
}

func (l *lines) join(tag, id string) *line {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byTag == nil {
		l.byTag = make(map[string]map[string]*line)
	}
	if l.byTag[tag] == nil {
		l.byTag[tag] = make(map[string]*line)
	}
	ln := l.byTag[tag][id]
	if ln == nil {
		ln = &line{lines: l, tag: tag, id: id, first: make(chan struct{}, abreast), news: make(chan struct{}, abreast)}
		l.byTag[tag][id] = ln
	}
	ln.users++
	return ln
}

// wake tells every line under the tag of g that a place may have come free.
func (l *lines) wake(g group) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ln := range l.byTag[g.tag] {
		select {
		case ln.news <- struct{}{}:
		default:
		}
	}
}

// wait returns at news, or after the given time.
func (ln *line) wait(ctx context.Context, at time.Duration) error {
	timer := time.NewTimer(at)
	defer timer.Stop()
	select {
	case <-ln.news:
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// leave lets the next one come forward.
func (ln *line) leave() {
	<-ln.first
	ln.quit()
}

func (ln *line) quit() {
	ln.lines.mu.Lock()
	defer ln.lines.mu.Unlock()
	ln.users--
	if ln.users > 0 {
		return
	}
	delete(ln.lines.byTag[ln.tag], ln.id)
	if len(ln.lines.byTag[ln.tag]) == 0 {
		delete(ln.lines.byTag, ln.tag)
	}
}
