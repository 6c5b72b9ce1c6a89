package outbox

import (
	"context"
	"sync"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// Run sends mails until Close is called or ctx ends.
func (o *Outbox) Run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done, fresh := o.queue.begin()
	if !fresh {
		return
	}
	defer close(done)
	var sending sync.WaitGroup
	places := make(chan struct{}, o.Parallel)
	tick := time.NewTicker(o.Poll)
	defer tick.Stop()
	o.survey(ctx)
	for !o.closed(ctx) {
		o.round(ctx, places, &sending)
		select {
		case <-o.closing:
		case <-ctx.Done():
		case <-o.wake:
		case <-tick.C:
			o.survey(ctx)
		}
	}
	finish(cancel, &sending)
}

// finish lets tries under way come to their end, and then makes them.
func finish(cancel context.CancelFunc, sending *sync.WaitGroup) {
	over := make(chan struct{})
	go func() { sending.Wait(); close(over) }()
	select {
	case <-over:
	case <-time.After(patience):
		cancel()
		<-over
	}
}

func (o *Outbox) closed(ctx context.Context) bool {
	select {
	case <-o.closing:
		return true
	default:
		return ctx.Err() != nil
	}
}

// Close takes no more mails, waits for those under way, and closes the mailer.
// What is not sent stays in the store for the next worker.
func (o *Outbox) Close() error {
	o.once.Do(func() { close(o.closing) })
	if done := o.queue.end(); done != nil {
		<-done
	}
	if o.Mailer == nil {
		return nil
	}
	return o.Mailer.Close()
}

// round begins to send what is due, as far as there are places.
func (o *Outbox) round(ctx context.Context, places chan struct{}, sending *sync.WaitGroup) {
	for !o.closed(ctx) {
		select {
		case places <- struct{}{}:
		default:
			return // a place that comes free wakes us
		}
		g, ok := o.queue.take(o.Now())
		if !ok {
			<-places
			return
		}
		sending.Go(func() {
			defer o.nudge()
			defer func() { <-places }()
			o.queue.give(g.id, o.try(ctx, g))
		})
	}
}

// pageSize is how much of the queue is read at a time.
const pageSize = 500

// survey reads the whole queue, for what other nodes left or were told to retry.
func (o *Outbox) survey(ctx context.Context) {
	look := o.queue.look()
	for after := ""; ; {
		items, err := store.MailQueue.Scan(ctx, o.store, store.OutboxTag, "", after, pageSize)
		if err != nil {
			if ctx.Err() == nil {
				o.Log.Warn("the queue of mails cannot be read; trying again", "error", err)
			}
			return
		}
		for _, item := range items {
			o.queue.found(item.ID, *item.Value, look)
			after = item.ID
		}
		if len(items) < pageSize {
			break
		}
	}
	o.queue.looked(look)
}
