package engine

import (
	"slices"
	"sync"

	"github.com/cliendo/gateway/caddymodule/store"
)

// Hub is the list of watchers of one store. Its zero value is ready.
type Hub struct {
	mu       sync.Mutex
	watchers []*watcher
}

type watcher struct {
	mu      sync.Mutex
	fn      func(store.Change)
	stopped bool
}

// Watch implements store.Watcher.
func (h *Hub) Watch(fn func(store.Change)) (stop func()) {
	w := &watcher{fn: fn}
	h.mu.Lock()
	defer h.mu.Unlock()
	// A new slice every time: Deliver walks the old one without the lock.
	h.watchers = append(slices.Clip(h.watchers), w)
	return func() { h.stop(w) }
}

func (h *Hub) stop(w *watcher) {
	h.mu.Lock()
	h.watchers = slices.DeleteFunc(slices.Clone(h.watchers), func(o *watcher) bool { return o == w })
	h.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
}

// Deliver tells every watcher about changes and returns when all have been told.
func (h *Hub) Deliver(changes ...store.Change) {
	if len(changes) == 0 {
		return
	}
	h.mu.Lock()
	watchers := h.watchers
	h.mu.Unlock()
	for _, w := range watchers {
		w.tell(changes)
	}
}

func (w *watcher) tell(changes []store.Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range changes {
		if w.stopped {
			return
		}
		w.fn(c)
	}
}
