package caddymodule

import (
	"maps"
	"slices"

	"github.com/cliendo/gateway/caddymodule/nearword"
)

// didYouMean ends the error about a mistyped word.
func didYouMean(typed string, words []string) string { return nearword.DidYouMean(typed, words) }

// sortedKeys returns the keys of m in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
