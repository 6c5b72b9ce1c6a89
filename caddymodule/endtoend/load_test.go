package endtoend_test

import (
	"fmt"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// load offers requests at a steady rate until it is told to stop, also while those
// before them are not answered.
type load struct {
	// send asks for something; the option goes with the request.
	send func(kit.Option) (kit.Answer, error)
	// want tells a good answer.
	want func(kit.Answer) bool

	offered, tries, failed atomic.Int64
	first                  atomic.Pointer[string] // what failed first
	took                   time.Duration
}

// run offers so many requests a second, of which so many at once may wait for their
// answers. What could not be offered in time is offered as soon as there is room.
func (l *load) run(quit <-chan struct{}, perSecond float64, atOnce int) {
	var under sync.WaitGroup
	defer under.Wait()
	room, tick, begun := make(chan struct{}, atOnce), time.NewTicker(5*time.Millisecond), time.Now()
	defer tick.Stop()
	for {
		for due := int64(time.Since(begun).Seconds() * perSecond); l.offered.Load() < due; {
			select {
			case <-quit:
				l.took = time.Since(begun)
				return
			case room <- struct{}{}:
			}
			l.offered.Add(1)
			under.Go(func() {
				l.one()
				<-room
			})
		}
		select {
		case <-quit:
			l.took = time.Since(begun)
			return
		case <-tick.C:
		}
	}
}

// one tries again, as browsers do, where a connection ended without any answer: a
// server that lets a connection go may do so while a request is on its way. Go's
// transport does so too, which only its traces tell.
func (l *load) one() {
	counted := func(r *http.Request) {
		*r = *r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
			GotConn: func(httptrace.GotConnInfo) { l.tries.Add(1) },
		}))
	}
	a, err := l.send(counted)
	for again := 0; err != nil && again < 2; again++ {
		a, err = l.send(counted)
	}
	if err == nil && l.want(a) {
		return
	}
	l.failed.Add(1)
	text := fmt.Sprintf("%v, %s", err, a)
	l.first.CompareAndSwap(nil, &text)
}

// resent is how often something was sent again, by whomever.
func (l *load) resent() int64 { return l.tries.Load() - l.offered.Load() }

// again is how many of the requests that is.
func (l *load) again() float64 { return float64(l.resent()) / float64(l.offered.Load()) }

// held checks that they have really offered so many requests a second.
func held(t *testing.T, perSecond float64, loads ...*load) {
	t.Helper()
	rate := 0.0
	for _, l := range loads {
		rate += float64(l.offered.Load()) / l.took.Seconds()
	}
	if rate < perSecond {
		t.Errorf("%.0f requests a second were offered, not %.0f, so this proves little", rate, perSecond)
	}
}

func (l *load) String() string {
	first := "nothing"
	if p := l.first.Load(); p != nil {
		first = *p
	}
	return fmt.Sprintf("%d of %d failed in %s, %d were sent again; first: %s", l.failed.Load(), l.offered.Load(), l.took, l.resent(), first)
}

// getting asks for a page, over and over.
func getting(v *kit.Visitor, path string, options ...kit.Option) func(kit.Option) (kit.Answer, error) {
	return func(o kit.Option) (kit.Answer, error) {
		return v.Try(http.MethodGet, path, append(options[:len(options):len(options)], o)...)
	}
}
