package limit

import (
	"time"

	"github.com/cliendo/gateway/caddymodule/store"
)

// skew is how far the clocks of two nodes may be apart before a moment in the
// future is taken for the trace of a clock that was set back.
const skew = time.Minute

// at returns what is left of rec at now. It may change the map of rec.
func (b Budget) at(rec store.Budget, now time.Time) store.Budget {
	for token, lapses := range rec.Reserved {
		if !now.Before(lapses) || lapses.Sub(now) > Lapse+skew {
			delete(rec.Reserved, token)
		}
	}
	if rec.Until.Sub(now) > b.MaxDelay+skew || rec.Last.Sub(now) > skew {
		// The clock was set back since. Nobody waits for it to catch up, but the
		// failures stay.
		rec.Until, rec.Last, rec.WindowStart = time.Time{}, now, now
	}
	if b.over(rec, now) {
		return store.Budget{Reserved: rec.Reserved}
	}
	return rec
}

// over tells whether the failures of rec do not matter any more.
func (b Budget) over(rec store.Budget, now time.Time) bool {
	if rec.Failures == 0 || now.Before(rec.Until) {
		return rec.Failures == 0
	}
	if b.Forget > 0 && now.Sub(rec.Last) >= b.Forget {
		return true
	}
	return b.Window > 0 && rec.Failures < b.Free && now.Sub(rec.WindowStart) >= b.Window
}

// places returns how many more tries may be under way, when none has to wait
// for a time.
func (b Budget) places(rec store.Budget) int {
	return max(b.Free-rec.Failures, 1) - len(rec.Reserved)
}

// fail counts one failure.
func (b Budget) fail(rec store.Budget, now time.Time) store.Budget {
	if rec.Failures == 0 {
		rec.WindowStart = now
	}
	rec.Failures++
	rec.Last = now
	if rec.Failures >= b.Free {
		rec.Until = now.Add(b.delay(rec.Failures - b.Free))
	}
	return rec
}

// delay returns the delay after n failures more than are free.
func (b Budget) delay(n int) time.Duration {
	d := b.Delay
	for ; n > 0 && d < b.MaxDelay; n-- {
		d *= 2
	}
	return min(d, b.MaxDelay)
}

// expires returns when rec says nothing any more; zero: never.
func (b Budget) expires(rec store.Budget) time.Time {
	var at time.Time
	if rec.Failures > 0 {
		if b.Forget == 0 {
			return time.Time{}
		}
		at = rec.Last.Add(b.Forget)
	}
	for _, lapses := range rec.Reserved {
		if lapses.After(at) {
			at = lapses
		}
	}
	return at
}
