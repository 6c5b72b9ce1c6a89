package redisstore_test

import (
	"testing"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/storetest"
	"github.com/cliendo/gateway/caddymodule/store/storetest/redistest"
)

func TestConformance(t *testing.T) {
	harness := at(redistest.Start(t).URL())
	storetest.Run(t, harness)
	storetest.RunWhole(t, harness)
}

// TestConformanceCluster runs the suite on a cluster of one server: it is as
// strict about the slots of keys as a large one.
func TestConformanceCluster(t *testing.T) {
	srv := redistest.Start(t, "--cluster-enabled", "yes")
	srv.OwnAllSlots()
	storetest.Run(t, at("redis+cluster://"+srv.Addr()))
}

func at(url string) func(*testing.T, store.Options) storetest.Harness {
	return func(t *testing.T, opts store.Options) storetest.Harness {
		place := fresh(url)
		return storetest.Harness{
			Engine: open(t, place, opts),
			Reopen: func(t *testing.T, old store.Engine) store.Engine {
				if err := old.Close(); err != nil {
					t.Fatal(err)
				}
				return open(t, place, opts)
			},
			Second: func(t *testing.T) store.Engine { return open(t, place, opts) },
		}
	}
}

func BenchmarkGet(b *testing.B) {
	storetest.BenchmarkGet(b, open(b, redistest.Start(b).URL(), store.Options{}))
}

func BenchmarkUpdateParallel(b *testing.B) {
	storetest.BenchmarkUpdateParallel(b, open(b, redistest.Start(b).URL(), store.Options{}))
}
