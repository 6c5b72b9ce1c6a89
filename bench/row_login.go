package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/cliendo/gateway/caddymodule/passhash"
)

const (
	wantLogins = 0.9
	// loginClients keep the hasher busy while many of them wait for the disk.
	loginClients = 64
	// loginTurns are how often logins and hashes alone take turns in a round.
	loginTurns = 4
)

// measureLogin compares logins with what the machine can hash, both by the same
// code, right before and right after, in short turns: a virtual machine changes its
// speed from second to second.
func measureLogin(ctx context.Context, b *bench) error {
	for _, name := range b.stores {
		s, err := b.server(ctx, name)
		if err != nil {
			return err
		}
		var samples []sample
		var shares, hashes, costs []float64
		turn := b.length() / loginTurns
		before, costBefore, err := b.hashing(ctx, turn)
		if err != nil {
			return err
		}
		for range b.rounds * loginTurns {
			one, err := b.logins(ctx, s, 2*turn)
			if err != nil {
				return err
			}
			after, costAfter, err := b.hashing(ctx, turn)
			if err != nil {
				return err
			}
			limit, cost := (before+after)/2, (costBefore+costAfter)/2
			before, costBefore = after, costAfter
			samples = append(samples, one)
			shares = append(shares, one.PerSecond/limit)
			hashes = append(hashes, float64(cores())/limit*1000)
			costs = append(costs, one.CPU/cost)
		}
		l := summary("logins", name, samples)
		l.Result = fmt.Sprintf("%s of the limit; one hash %.1f ms; a login costs the CPU of %s hashes",
			spreadOf(shares), median(hashes), spreadOf(costs))
		l.Wanted = fmt.Sprintf(">= %.1f of the limit (cores / time of one hash)", wantLogins)
		b.add(l)
	}
	return nil
}

// hashing returns how many passwords all cores compare in a second, and the CPU
// seconds of a thousand.
func (b *bench) hashing(ctx context.Context, length time.Duration) (perSecond, cost float64, err error) {
	before := ownCPU()
	h := passhash.New(passhash.Options{Workers: cores()})
	n, took, err := repeat(ctx, cores(), length, func(ctx context.Context) error {
		result, err := h.Verify(ctx, b.people.hash, b.people.password, passhash.Place{})
		if err == nil && !result.OK {
			err = fmt.Errorf("comparing: %+v", result)
		}
		return err
	})
	return float64(n) / took.Seconds(), (ownCPU() - before).Seconds() / float64(n) * 1000, err
}

// logins lets people log in, one after the other in every client.
func (b *bench) logins(ctx context.Context, s *server, length time.Duration) (sample, error) {
	var mu sync.Mutex
	var took []float64
	var n int
	var all time.Duration
	o, err := b.observe([]*server{s}, func() (err error) {
		n, all, err = repeat(ctx, loginClients, length, func(ctx context.Context) error {
			a, err := s.mustLogin(ctx, loginTry{email: b.people.anybody(), password: b.people.password, address: anywhere()})
			mu.Lock()
			took = append(took, a.took.Seconds()*1000)
			mu.Unlock()
			return err
		})
		return err
	})
	if err != nil {
		return sample{}, err
	}
	return sample{
		PerSecond: float64(n) / all.Seconds(), P50: median(took), P99: quantile(took, 0.99),
		CPU: o.cpu[0].Seconds() / float64(n) * 1000, RSS: s.memory(), Foreign: o.foreign,
	}, nil
}

// repeat calls do over and over by so many workers; none begins after length.
// It returns how many calls were made and how long they took together.
func repeat(ctx context.Context, workers int, length time.Duration, do func(context.Context) error) (n int, took time.Duration, err error) {
	begun := time.Now()
	counts := make([]int, workers)
	err = parallel(ctx, workers, workers, func(ctx context.Context, w int) error {
		for time.Since(begun) < length && ctx.Err() == nil {
			if err := do(ctx); err != nil {
				return err
			}
			counts[w]++
		}
		return nil
	})
	for _, c := range counts {
		n += c
	}
	return n, time.Since(begun), err
}
