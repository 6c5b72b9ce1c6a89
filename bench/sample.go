package main

import (
	"fmt"
	"time"
)

// sample is what one candidate did in one round. Zero stands for not measured.
type sample struct {
	PerSecond float64 `json:"per_second,omitempty"`
	P50       float64 `json:"p50_ms,omitempty"`
	P99       float64 `json:"p99_ms,omitempty"`
	CPU       float64 `json:"cpu_seconds_per_1000,omitempty"`
	RSS       float64 `json:"rss_anon_mib,omitempty"`
	// Foreign is the share of the machine that was used by somebody else.
	Foreign float64 `json:"foreign"`
	// Ratio and CPURatio are this one against its partner of the same round.
	Ratio    float64 `json:"ratio,omitempty"`
	CPURatio float64 `json:"cpu_ratio,omitempty"`
}

// marked: others used so much of the machine that the figures are doubtful.
func (s sample) marked() bool { return s.Foreign > 0.05 }

// spread is a median with the least and the greatest.
type spread struct{ middle, low, high float64 }

func spreadOf(v []float64) spread { return spread{median(v), quantile(v, 0), quantile(v, 1)} }

func (s spread) String() string {
	if s == (spread{}) {
		return ""
	}
	return fmt.Sprintf("%.3f (%.2f..%.2f)", s.middle, s.low, s.high)
}

// column returns one figure of all samples that have it.
func column(samples []sample, of func(sample) float64) []float64 {
	var v []float64
	for _, s := range samples {
		if x := of(s); x != 0 {
			v = append(v, x)
		}
	}
	return v
}

// observed is what was used while something ran.
type observed struct {
	cpu     []time.Duration // by process asked for
	foreign float64
}

// observe runs do and returns what the processes used meanwhile.
func (b *bench) observe(servers []*server, do func() error) (o observed, err error) {
	before, err := b.usage(servers)
	if err != nil {
		return o, err
	}
	begun := time.Now()
	if err := do(); err != nil {
		return o, err
	}
	took := time.Since(begun)
	after, err := b.usage(servers)
	if err != nil {
		return o, err
	}
	for i := range servers {
		o.cpu = append(o.cpu, after.of[i]-before.of[i])
	}
	others := (after.machine - before.machine) - (after.ours - before.ours)
	o.foreign = max(0, float64(others)/float64(took)/float64(cores()))
	return o, nil
}

type usage struct {
	of            []time.Duration
	ours, machine time.Duration
}

func (b *bench) usage(servers []*server) (u usage, err error) {
	for _, s := range servers {
		t, err := cpuOf(s.pid())
		if err != nil {
			return u, err
		}
		u.of = append(u.of, t)
	}
	for _, p := range b.running {
		t, err := cpuOf(p.pid())
		if err != nil {
			return u, p.failure(err)
		}
		u.ours += t
	}
	u.ours += ownCPU()
	u.machine, err = busy()
	return u, err
}

// memory returns the anonymous memory of s in MiB.
func (s *server) memory() float64 {
	n, err := rssAnon(s.pid())
	if err != nil {
		return 0
	}
	return float64(n) / (1 << 20)
}
