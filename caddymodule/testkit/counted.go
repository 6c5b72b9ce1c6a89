package testkit

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// Counted is a store that counts what it is asked, and is not there while Away is
// set.
type Counted struct {
	store.Engine
	// Writes are updates, Puts the records they wrote.
	Reads, Scans, Writes, Puts atomic.Int64
	Away                       atomic.Bool
}

// Get counts a read.
func (s *Counted) Get(ctx context.Context, key store.Key) ([]byte, error) {
	s.Reads.Add(1)
	if s.Away.Load() {
		return nil, store.ErrUnavailable
	}
	return s.Engine.Get(ctx, key)
}

// Scan counts a list.
func (s *Counted) Scan(ctx context.Context, tag string, kind store.Kind, prefix, after string, limit int) ([]store.Entry, error) {
	s.Scans.Add(1)
	if s.Away.Load() {
		return nil, store.ErrUnavailable
	}
	return s.Engine.Scan(ctx, tag, kind, prefix, after, limit)
}

// Update counts a write, and of the last time that fn runs what it puts.
func (s *Counted) Update(ctx context.Context, tag string, fn func(store.Tx) error) error {
	s.Writes.Add(1)
	if s.Away.Load() {
		return store.ErrUnavailable
	}
	var puts int64
	err := s.Engine.Update(ctx, tag, func(tx store.Tx) error {
		counted := &countedTx{Tx: tx}
		err := fn(counted)
		puts = counted.puts
		return err
	})
	s.Puts.Add(puts)
	return err
}

type countedTx struct {
	store.Tx
	puts int64
}

func (c *countedTx) Put(kind store.Kind, id string, value []byte, expires time.Time) error {
	c.puts++
	return c.Tx.Put(kind, id, value, expires)
}
