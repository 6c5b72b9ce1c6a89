package session

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// seenEvery is how stale the stored last-seen may be, unless the idle limit is so
// short that a tenth of it is less. Within it no request causes a write.
const seenEvery = time.Minute

// seenQueue are the sessions whose last-seen has to be written.
type seenQueue struct {
	mu sync.Mutex
	q  []seen
}

// seen is a session whose last-seen has to be written, with its id in the store.
type seen struct {
	*Live
	id string
}

// saw notes a request of the session. Once a second it costs an atomic store,
// once a minute a place in the queue, else nothing.
func (m *Manager) saw(l *Live, f *Facts, value string, now time.Time) {
	sec := now.Unix()
	if l.seen.Load() >= sec {
		return
	}
	l.seen.Store(sec)
	if f.Session == nil || sec-l.written.Load() < seenAfter(f.Session) || l.mark.queue() {
		return
	}
	p, ok := m.open(value)
	if !ok {
		return // its secret has just gone
	}
	m.seen.mu.Lock()
	m.seen.q = append(m.seen.q, seen{l, p.id()})
	m.seen.mu.Unlock()
}

func seenAfter(rec *Record) int64 {
	return max(min(int64(seenEvery/time.Second), rec.idle()/10), 1)
}

// flushSeen writes the last-seen of the queued sessions.
func (m *Manager) flushSeen(ctx context.Context) {
	m.seen.mu.Lock()
	q := m.seen.q
	m.seen.q = nil
	m.seen.mu.Unlock()
	byAccount := map[string][]seen{}
	for _, s := range q {
		s.mark.unqueue()
		byAccount[s.holder.account.id] = append(byAccount[s.holder.account.id], s)
	}
	for account, all := range byAccount {
		for some := range slices.Chunk(all, 256) {
			if err := m.writeSeen(ctx, account, some); err != nil {
				m.log.Warn("writing last-seen of sessions failed; tried again with their next request", "error", err)
				return
			}
		}
	}
}

func (m *Manager) writeSeen(ctx context.Context, account string, some []seen) error {
	written := make(map[*Live]int64, len(some))
	err := m.store.Update(ctx, store.AccountTag(account), func(tx store.Tx) error {
		clear(written)
		for _, s := range some {
			rec, err := store.Sessions.Read(tx, s.id)
			if errors.Is(err, store.ErrNotFound) {
				continue
			} else if err != nil {
				return err
			}
			seen := s.seen.Load()
			if !rec.Ended.IsZero() {
				continue
			}
			if seen <= rec.LastSeen.Unix() {
				written[s.Live] = rec.LastSeen.Unix() // by another node
				continue
			}
			rec.LastSeen = time.Unix(seen, 0)
			if err := store.Sessions.Put(tx, s.id, rec, expiry(rec)); err != nil {
				return err
			}
			written[s.Live] = seen
		}
		return nil
	})
	if err != nil {
		return err
	}
	for l, seen := range written {
		l.written.Store(seen)
	}
	return nil
}
