package main

import (
	"context"
	"fmt"
	"sync"
)

// measureCPU loads gateway and twin at the same time with as many connections,
// and compares what a request costs each: whatever else the machine does, it does
// to both.
func measureCPU(ctx context.Context, b *bench) error {
	for _, name := range b.stores {
		pair, err := b.all(ctx, twin, name)
		if err != nil {
			return err
		}
		if err := b.windows(ctx, pair, "", name); err != nil {
			return err
		}
	}
	return nil
}

// windows adds the line of a pair, of which the first is the twin. There are
// twice as many windows as rounds, and twice as long: the clock of /proc ticks
// every 10 ms.
func (b *bench) windows(ctx context.Context, pair []*server, what, name string) error {
	var samples []sample
	for range 2 * b.rounds {
		s, err := b.window(ctx, pair, 32)
		if err != nil {
			return err
		}
		samples = append(samples, s)
	}
	l := summary(what+"CPU of an authenticated GET, gateway and twin at the same time, 32 connections each", name, samples)
	l.Wanted = fmt.Sprintf("<= %.2f of the twin", wantCPU)
	b.add(l)
	return nil
}

// window loads both at once; the sample is of the second, against the first.
func (b *bench) window(ctx context.Context, pair []*server, conns int) (sample, error) {
	results, errs := make([]loaded, len(pair)), make([]error, len(pair))
	o, err := b.observe(pair, func() error {
		var wg sync.WaitGroup
		for i, s := range pair {
			wg.Go(func() { results[i], errs[i] = b.wrk(ctx, s, conns, 0, 2*b.length()) })
		}
		wg.Wait()
		return firstError(errs)
	})
	if err != nil {
		return sample{}, err
	}
	reference, s := results[0].sample(o.cpu[0]), results[1].sample(o.cpu[1])
	s.Foreign, s.RSS = o.foreign, pair[1].memory()
	s.CPURatio, s.Ratio = s.CPU/reference.CPU, s.PerSecond/reference.PerSecond
	return s, nil
}

func firstError(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
