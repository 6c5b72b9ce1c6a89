package main

import (
	"context"
	"fmt"
	"time"
)

// The load of the authenticated GET, and what is wanted.
var connections = []int{1, 32, 256}

const (
	wantThroughput = 0.97
	wantCPU        = 1.03
)

// measureGet loads the candidates one after the other, in rounds, with an
// authenticated GET of 1 KiB.
func measureGet(ctx context.Context, b *bench) error {
	servers, err := b.all(ctx, append([]string{plain, twin}, b.stores...)...)
	if err != nil {
		return err
	}
	for _, n := range connections {
		samples, err := b.rounds1by1(ctx, servers, n)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("authenticated GET, %d connections", n)
		if n == 1 {
			name = "authenticated GET, 1 connection"
		}
		for i, s := range servers {
			l := summary(name, s.name, samples[i])
			if s.site.store != "" {
				l.Wanted = fmt.Sprintf("req/s >= %.2f, CPU <= %.2f of the twin", wantThroughput, wantCPU)
			}
			b.add(l)
		}
	}
	return nil
}

// rounds1by1 returns the samples of every server; ratios are to the twin, which
// must be among them.
func (b *bench) rounds1by1(ctx context.Context, servers []*server, conns int) ([][]sample, error) {
	samples := make([][]sample, len(servers))
	for round := -1; round < b.rounds; round++ {
		now := make([]sample, len(servers))
		for k := range servers {
			i := (k + max(round, 0)) % len(servers) // nobody is always first
			length := b.length()
			if round < 0 {
				length = time.Second // to warm up
			}
			var err error
			if now[i], err = b.load(ctx, servers[i], conns, 0, length); err != nil {
				return nil, err
			}
		}
		if round < 0 {
			continue
		}
		compare(servers, now)
		for i := range servers {
			samples[i] = append(samples[i], now[i])
		}
	}
	return samples, nil
}

// load loads one server and returns what came of it.
func (b *bench) load(ctx context.Context, s *server, conns int, pause, length time.Duration) (sample, error) {
	var l loaded
	o, err := b.observe([]*server{s}, func() (err error) {
		l, err = b.wrk(ctx, s, conns, pause, length)
		return err
	})
	if err != nil {
		return sample{}, err
	}
	r := l.sample(o.cpu[0])
	r.Foreign, r.RSS = o.foreign, s.memory()
	return r, nil
}

func (l loaded) sample(cpu time.Duration) sample {
	return sample{
		PerSecond: l.perSecond(), P50: float64(l.P50) / 1e3, P99: float64(l.P99) / 1e3,
		CPU: cpu.Seconds() / float64(l.Requests) * 1000,
	}
}

// compare fills in the ratios to the twin of the same round: the one that sets the
// same headers.
func compare(servers []*server, now []sample) {
	for t, s := range servers {
		if !s.site.twin {
			continue
		}
		for i := range now {
			if i != t && servers[i].site.audience == s.site.audience {
				now[i].Ratio = now[i].PerSecond / now[t].PerSecond
				now[i].CPURatio = now[i].CPU / now[t].CPU
			}
		}
	}
}
