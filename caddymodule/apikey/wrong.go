package apikey

import (
	"sync"
	"time"
)

const (
	// A network may show this many wrong keys within wrongWindow. A key has 256
	// random bits: this is against the noise, not against guesses that could hit.
	wrongFree   = 20
	wrongWindow = time.Minute
	// maxNetworks bounds what is remembered, whoever comes.
	maxNetworks = 10_000
)

// wrongs counts wrong keys by network, in the memory of this node.
type wrongs struct {
	mu   sync.Mutex
	of   map[string]wrong
	good map[origin]struct{} // keys that were right before, and where
}

type wrong struct {
	count int
	until time.Time
}

type origin struct{ network, id string }

// refused says until when keys of a network are not looked at. A key that was
// right before, there, always is: whoever shares an address with a guesser, or
// with a program that has an old key, goes on.
func (w *wrongs) refused(network, id string, now time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.good[origin{network, id}]; known {
		return nil
	}
	if seen := w.of[network]; seen.count >= wrongFree && now.Before(seen.until) {
		return &Refused{Until: seen.until}
	}
	return nil
}

func (w *wrongs) count(network string, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of == nil || len(w.of) >= maxNetworks {
		w.of = make(map[string]wrong)
	}
	seen := w.of[network]
	if !now.Before(seen.until) {
		seen = wrong{until: now.Add(wrongWindow)}
	}
	seen.count++
	w.of[network] = seen
}

func (w *wrongs) right(network, id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.good[origin{network, id}]; known {
		return
	}
	if w.good == nil || len(w.good) >= maxNetworks {
		w.good = make(map[origin]struct{})
	}
	w.good[origin{network, id}] = struct{}{}
}
