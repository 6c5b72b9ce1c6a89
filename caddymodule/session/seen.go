package session

import (
	"context"
	"errors"
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
	q  []*Live
}

// saw notes a request of the session. Once a second it costs an atomic store,
// once a minute a place in the queue, else nothing.
func (m *Manager) saw(l *Live, now time.Time) {
	sec := now.Unix()
	if l.seen.Load() >= sec {
		return
	}
	l.seen.Store(sec)
	rec := l.record.value.Load()
	if rec == nil || sec-rec.lastSeen < seenAfter(rec) || l.marks.set(queued) {
		return
	}
	m.seen.mu.Lock()
	m.seen.q = append(m.seen.q, l)
	m.seen.mu.Unlock()
}

func seenAfter(rec *Record) int64 {
	return max(min(int64(seenEvery/time.Second), rec.idle()/10), 1)
}

// flushSeen writes the last-seen of the queued sessions, of all in memory when
// the gateway stops.
func (m *Manager) flushSeen(ctx context.Context, all bool) {
	m.seen.mu.Lock()
	q := m.seen.q
	m.seen.q = nil
	m.seen.mu.Unlock()
	if all {
		q = m.byID.all()
	}
	byAccount := map[string][]*Live{}
	for _, l := range q {
		l.marks.unset(queued)
		byAccount[l.account.Value()] = append(byAccount[l.account.Value()], l)
	}
	for account, lives := range byAccount {
		for len(lives) > 0 {
			n := min(len(lives), 256)
			if err := m.writeSeen(ctx, account, lives[:n]); err != nil {
				m.log.Warn("writing last-seen of sessions failed; tried again with their next request", "error", err)
				return
			}
			lives = lives[n:]
		}
	}
}

func (m *Manager) writeSeen(ctx context.Context, account string, lives []*Live) error {
	written := make(map[*Live]*store.Session, len(lives))
	known := make(map[*Live]*Record, len(lives))
	for _, l := range lives {
		known[l] = l.record.value.Load()
	}
	err := m.store.Update(ctx, store.AccountTag(account), func(tx store.Tx) error {
		clear(written)
		for _, l := range lives {
			rec, err := store.Sessions.Read(tx, l.id)
			if errors.Is(err, store.ErrNotFound) {
				continue
			} else if err != nil {
				return err
			}
			seen := l.seen.Load()
			if !rec.Ended.IsZero() || seen <= rec.LastSeen.Unix() {
				continue
			}
			rec.LastSeen = time.Unix(seen, 0)
			if err := store.Sessions.Put(tx, l.id, rec, expiry(rec)); err != nil {
				return err
			}
			written[l] = rec
		}
		return nil
	})
	if err != nil {
		return err
	}
	for l, rec := range written {
		l.record.replace(known[l], NewRecord(rec))
	}
	return nil
}
