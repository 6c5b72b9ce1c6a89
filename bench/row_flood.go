package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	wantFlood    = 2.0
	steadyPeople = 16
	steadyPause  = 50 * time.Millisecond
	loginRate    = 4.0 // real logins a second during the flood
	floodTimes   = 4.0 // the flood is so many times what can be hashed
	floodAtOnce  = 2000
)

// measureFlood looks at people who are logged in, and at people who log in from
// a known device, while strangers from many addresses try passwords.
func measureFlood(ctx context.Context, b *bench) error {
	for _, name := range b.stores {
		s, err := b.server(ctx, name)
		if err != nil {
			return err
		}
		known, err := b.devices(ctx, s, 20)
		if err != nil {
			return err
		}
		limit, _, err := b.hashing(ctx, time.Second)
		if err != nil {
			return err
		}
		f := &flood{b: b, s: s, known: known, rate: floodTimes * limit}
		if err := f.measure(ctx, fmt.Sprintf("logged-in traffic of %d people, %v between requests", steadyPeople, steadyPause), f.steady); err != nil {
			return err
		}
		if err := f.measure(ctx, "logged-in traffic, 32 connections flat out", f.flatOut); err != nil {
			return err
		}
	}
	return nil
}

// flood is one candidate under a flood.
type flood struct {
	b     *bench
	s     *server
	known []loginTry
	rate  float64 // tries a second

	tries, compared, turnedAway atomic.Int64
	mu                          sync.Mutex
	logins                      []float64 // milliseconds of those that succeeded
	shutOut                     int
}

// measure takes turns between quiet and flood.
func (f *flood) measure(ctx context.Context, what string, traffic func(context.Context) (sample, error)) error {
	f.reset()
	var quiet, loud []sample
	var ratios []float64
	for range f.b.rounds {
		q, err := traffic(ctx)
		if err != nil {
			return err
		}
		l, err := f.under(ctx, traffic)
		if err != nil {
			return err
		}
		quiet, loud = append(quiet, q), append(loud, l)
		ratios = append(ratios, l.P99/q.P99)
	}
	f.b.add(summary(what+", no flood", f.s.name, quiet))
	l := summary(what+", during a login flood", f.s.name, loud)
	l.Result = fmt.Sprintf("p99 %s times as long; flood of %.0f tries/s, of %d tries %d compared, %d turned away; "+
		"real logins from known devices: %d of %d, p50 %.0f ms, p99 %.0f ms", spreadOf(ratios), f.rate, f.tries.Load(),
		f.compared.Load(), f.turnedAway.Load(), len(f.logins), len(f.logins)+f.shutOut,
		median(f.logins), quantile(f.logins, 0.99))
	l.Wanted = fmt.Sprintf("p99 <= %.0f times as long; every real login served", wantFlood)
	f.b.add(l)
	return nil
}

func (f *flood) reset() {
	f.tries.Store(0)
	f.compared.Store(0)
	f.turnedAway.Store(0)
	f.logins, f.shutOut = nil, 0
}

// under runs traffic while the flood and the real logins go on.
func (f *flood) under(ctx context.Context, traffic func(context.Context) (sample, error)) (sample, error) {
	flooding, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { pace(flooding, f.rate, time.Hour, floodAtOnce, f.try) })
	time.Sleep(f.b.length() / 2) // until the queue is there
	coming, noMore := context.WithCancel(ctx)
	wg.Go(func() { pace(coming, loginRate, time.Hour, floodAtOnce, f.real(ctx)) })
	s, err := traffic(ctx)
	noMore()
	stop()
	wg.Wait()
	time.Sleep(time.Second) // whoever was being compared is done
	return s, err
}

// try is one stranger: half of them guess at users, half at anybody.
func (f *flood) try(ctx context.Context, _ time.Time) {
	t := loginTry{email: nobody(), password: "not the password", address: anywhere()}
	if f.tries.Add(1)%2 == 0 {
		t.email = f.b.people.anybody()
	}
	a, err := f.s.login(ctx, t)
	switch {
	case err != nil: // the end of the flood
	case a.status == http.StatusUnauthorized:
		f.compared.Add(1)
	default:
		f.turnedAway.Add(1)
	}
}

// real is a user at a known device. It may take longer than the flood.
func (f *flood) real(ctx context.Context) func(context.Context, time.Time) {
	var next atomic.Int64
	return func(context.Context, time.Time) {
		a, err := f.s.login(ctx, f.known[int(next.Add(1))%len(f.known)])
		f.mu.Lock()
		defer f.mu.Unlock()
		if err != nil || !a.in() {
			f.shutOut++
			return
		}
		f.logins = append(f.logins, a.took.Seconds()*1000)
	}
}

// flatOut is traffic as fast as it goes.
func (f *flood) flatOut(ctx context.Context) (sample, error) {
	return f.b.load(ctx, f.s, 32, 0, 2*f.b.length())
}

// steady is traffic that leaves the machine room to breathe. It comes from a
// process of its own: the flood keeps this one busy.
func (f *flood) steady(ctx context.Context) (sample, error) {
	return f.b.load(ctx, f.s, steadyPeople, steadyPause, 2*f.b.length())
}
