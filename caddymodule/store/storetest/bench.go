package storetest

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/cliendo/gateway/caddymodule/store"
)

// BenchmarkGet reads one of a thousand records of the size of a session, in
// parallel.
func BenchmarkGet(b *testing.B, e store.Engine) {
	s := &subject{Harness: Harness{Engine: e}}
	for i := range 1000 {
		s.put(b, fmt.Sprint("b", i), listed, "session", fmt.Sprintf("%0400d", i), never)
	}
	var n atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			key := store.Key{Tag: fmt.Sprint("b", n.Add(1)%1000), Kind: listed, ID: "session"}
			if _, err := e.Get(b.Context(), key); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkUpdateParallel changes a record of its own in each of 64 goroutines per
// core, as many logins at once do.
func BenchmarkUpdateParallel(b *testing.B, e store.Engine) {
	var n atomic.Int64
	b.SetParallelism(64)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		tag := fmt.Sprint("b", n.Add(1))
		for pb.Next() {
			if err := e.Update(b.Context(), tag, increment("n")); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
