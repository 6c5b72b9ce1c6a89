package redisstore

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// locks let the goroutines of this node change a tag one after another, which is
// much cheaper than finding out in Redis who was first. They only save work:
// correct is what the script does.
type locks struct {
	seed    maphash.Seed
	stripes [256]stripe
}

type stripe struct {
	turn chan struct{}
	// hung is when an Update found that Redis does not answer.
	hung atomic.Pointer[time.Time]
}

func newLocks() *locks {
	l := &locks{seed: maphash.MakeSeed()}
	for i := range l.stripes {
		l.stripes[i].turn = make(chan struct{}, 1)
	}
	return l
}

// take waits for its turn, or for ctx. done ends the turn and is told how it went:
// when Redis hangs, whoever waited meanwhile need not find that out again, one
// after another, each for the length of a timeout.
func (l *locks) take(ctx context.Context, tag string) (done func(error), err error) {
	s := &l.stripes[maphash.String(l.seed, tag)%uint64(len(l.stripes))]
	asked := time.Now()
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting to update: %w", ctx.Err())
	}
	if hung := s.hung.Load(); hung != nil && hung.After(asked) {
		<-s.turn
		return nil, unavailable("waiting to update", errHung)
	}
	begun := time.Now()
	return func(err error) {
		if now := time.Now(); errors.Is(err, store.ErrUnavailable) && now.Sub(begun) >= netTimeout {
			s.hung.Store(&now)
		}
		<-s.turn
	}, nil
}

var errHung = errors.New("redis does not answer")
