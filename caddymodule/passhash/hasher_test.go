package passhash_test

import (
	"testing"

	"github.com/cliendo/gateway/caddymodule/passhash"
)

func BenchmarkHash(b *testing.B) {
	h := passhash.New(passhash.Options{})
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := h.Hash(b.Context(), "wachtwoord"); err != nil {
				b.Fatal(err)
			}
		}
	})
}
