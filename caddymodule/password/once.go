package password

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Whether a wrong password was right once is found out afterwards, for those who
// ask why. It costs hashes, so there are few: a flood of guesses uses up this
// budget and nothing else.
const (
	onceEvery  = 3 * time.Second // one comparison, and
	onceBurst  = 20              // so many at once
	onceRoom   = 8               // may wait
	onceHashes = 3               // each, however many former passwords there are
	onceWithin = 30 * time.Second
)

// once is the queue of passwords to be compared with former ones. They lie in
// memory only, and not for long.
type once struct {
	now func() time.Time

	mu      sync.Mutex
	waiting []former
	running bool
	left    float64 // of the budget
	counted time.Time
}

// former is one wrong try to look back for.
type former struct {
	user      *store.User // nil: nobody
	password  string
	reference string
}

// askOnce has what was typed compared with former passwords, unless there is too
// much to do. Nobodys take the same work: the load would tell them apart.
func (e *Errand) askOnce(t *try, reference string) {
	if e.Attempts == nil || len(t.password) > passhash.MaxLength || t.password == "" {
		return
	}
	if e.once.put(former{user: t.user, password: t.password, reference: reference}) {
		go e.lookBack()
	}
}

// put tells whether somebody has to begin working. What does not fit is dropped.
func (o *once) put(f former) (begin bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	if !o.counted.IsZero() {
		o.left = min(onceBurst, o.left+float64(now.Sub(o.counted))/float64(onceEvery))
	}
	o.counted = now
	if o.left < 1 || len(o.waiting) >= onceRoom {
		return false
	}
	o.left--
	o.waiting = append(o.waiting, f)
	begin = !o.running
	o.running = true
	return begin
}

func (o *once) take() (f former, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.waiting) == 0 {
		o.running, o.waiting = false, nil
		return former{}, false
	}
	f = o.waiting[0]
	o.waiting[0] = former{} // no password stays behind
	o.waiting = o.waiting[1:]
	return f, true
}

func (e *Errand) lookBack() {
	for {
		f, ok := e.once.take()
		if !ok {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), onceWithin)
		if err := e.compareFormer(ctx, f); err != nil && !errors.Is(err, passhash.ErrBusy) {
			e.Log.Warn("looking whether a wrong password was right once failed", "error", err)
		}
		cancel()
	}
}

func (e *Errand) compareFormer(ctx context.Context, f former) error {
	account, user := "nobody", "nobody"
	if f.user != nil {
		account, user = f.user.Account, f.user.ID
	}
	had, err := e.Directory.Former(ctx, account, user)
	if err != nil {
		return err
	}
	var until time.Time
	for i := range onceHashes {
		encoded := ""
		if i < len(had) {
			encoded = had[i].Hash
		}
		result, err := e.Hasher.Verify(ctx, encoded, f.password, passhash.Place{Low: true})
		if err != nil && !errors.Is(err, passhash.ErrUnknownScheme) {
			return err
		}
		if result.OK && until.IsZero() {
			until = had[i].Until
		}
	}
	if until.IsZero() {
		return nil
	}
	return e.Attempts.WasRight(ctx, f.reference, user, until)
}
