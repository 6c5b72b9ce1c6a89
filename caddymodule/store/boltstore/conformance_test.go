package boltstore_test

import (
	"testing"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/storetest"
)

func TestConformance(t *testing.T) {
	harness := func(t *testing.T, opts store.Options) storetest.Harness {
		path := file(t)
		return storetest.Harness{
			Engine: open(t, path, opts),
			Reopen: func(t *testing.T, old store.Engine) store.Engine {
				if err := old.Close(); err != nil {
					t.Fatal(err)
				}
				return open(t, path, opts)
			},
		}
	}
	storetest.Run(t, harness)
	storetest.RunWhole(t, harness)
}

func BenchmarkGet(b *testing.B) { storetest.BenchmarkGet(b, open(b, file(b), store.Options{})) }

func BenchmarkUpdateParallel(b *testing.B) {
	storetest.BenchmarkUpdateParallel(b, open(b, file(b), store.Options{}))
}
