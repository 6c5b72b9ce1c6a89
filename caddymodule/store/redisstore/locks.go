package redisstore

import (
	"context"
	"fmt"
	"hash/maphash"
)

// locks let the goroutines of this node change a tag one after another, which is
// much cheaper than finding out in Redis who was first. They only save work:
// correct is what the script does.
type locks struct {
	seed    maphash.Seed
	stripes [256]chan struct{}
}

func newLocks() *locks {
	l := &locks{seed: maphash.MakeSeed()}
	for i := range l.stripes {
		l.stripes[i] = make(chan struct{}, 1)
	}
	return l
}

// take waits for its turn, or for ctx.
func (l *locks) take(ctx context.Context, tag string) (unlock func(), err error) {
	stripe := l.stripes[maphash.String(l.seed, tag)%uint64(len(l.stripes))]
	select {
	case stripe <- struct{}{}:
		return func() { <-stripe }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting to update: %w", ctx.Err())
	}
}
