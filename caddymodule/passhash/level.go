package passhash

import (
	"context"
	"sync"
	"time"
)

// level makes a wrong password take equally long for everybody. A hash that was
// brought along may be slower than ours: without it, the clock would tell
// strangers who was imported, and so who is a customer. It learns how long such
// hashes take, and every "no" waits until then, without a place in the queue and
// without work. While there are no such hashes it does nothing.
type level struct {
	mu  sync.Mutex
	top time.Duration
}

const (
	// maxLevel bounds the wait: a machine under load must not teach us more.
	maxLevel = 2 * time.Second
	// sinking is how slowly the level forgets a slow one.
	sinking = 64
)

// learn is told how long a hash of another scheme took.
func (l *level) learn(took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if took = min(took, maxLevel); took > l.top {
		l.top = took
		return
	}
	l.top -= (l.top - took) / sinking
}

// wait waits until a comparison that took so long has lasted long enough.
func (l *level) wait(ctx context.Context, took time.Duration) {
	l.mu.Lock()
	left := l.top - took
	l.mu.Unlock()
	if left <= 0 {
		return
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
