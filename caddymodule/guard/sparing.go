package guard

import (
	"sync/atomic"
	"time"
)

// sparing lets one line a second through of what anybody can cause by the million,
// and counts the rest.
type sparing struct {
	second, more atomic.Int64
}

// line tells whether there is one now, and how many were left out since the last.
func (s *sparing) line(now time.Time) (more int64, ok bool) {
	last, second := s.second.Load(), now.Unix()
	if second == last || !s.second.CompareAndSwap(last, second) {
		s.more.Add(1)
		return 0, false
	}
	return s.more.Swap(0), true
}
