package limit_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/storetest/redistest"
)

func onEachEngine(b *testing.B, bench func(b *testing.B, l *limit.Limiter)) {
	for name, open := range map[string]func(c *clock) store.Engine{
		"bolt":  func(c *clock) store.Engine { return openBolt(b, c) },
		"redis": func(c *clock) store.Engine { return openRedis(b, c, redistest.Start(b)) },
	} {
		b.Run(name, func(b *testing.B) {
			c := newClock()
			bench(b, limit.New(open(c), limit.Config{}, c.now))
		})
	}
}

// BenchmarkTry is what a right guess costs without the comparison: everybody
// from one network, 32 at a time for each core.
func BenchmarkTry(b *testing.B) {
	onEachEngine(b, func(b *testing.B, l *limit.Limiter) {
		var who atomic.Int64
		b.SetParallelism(32)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				succeed(b, l, limit.Try{Subject: fmt.Sprint("u:", who.Add(1)), Network: office})
			}
		})
	})
}

// BenchmarkRefused is what a refused guess costs.
func BenchmarkRefused(b *testing.B) {
	onEachEngine(b, func(b *testing.B, l *limit.Limiter) {
		for range 5 {
			fail(b, l, victim)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := l.Reserve(b.Context(), victim); err == nil {
				b.Fatal("not refused")
			}
		}
	})
}
