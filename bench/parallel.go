package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// parallel calls do for 0 to n-1, in order of their beginning, by so many workers.
// The first error ends it.
func parallel(ctx context.Context, workers, n int, do func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(workers, n) {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := do(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// pace calls do at a steady rate, whether earlier calls have returned or not,
// until the time is up; calls that would exceed most at once are left out and
// counted. do is told when it should have begun: waiting for its turn is part of
// what a visitor feels. It returns when all calls have.
func pace(ctx context.Context, perSecond float64, length time.Duration, most int, do func(ctx context.Context, due time.Time)) (left int) {
	var wg sync.WaitGroup
	defer wg.Wait()
	slots := make(chan struct{}, most)
	begin := time.Now()
	gap := time.Duration(float64(time.Second) / perSecond)
	for due := begin; due.Sub(begin) < length && ctx.Err() == nil; due = due.Add(gap) {
		if wait := time.Until(due); wait > 0 {
			time.Sleep(wait)
		}
		select {
		case slots <- struct{}{}:
			wg.Go(func() {
				do(ctx, due)
				<-slots
			})
		default:
			left++
		}
	}
	return left
}
