package session

import (
	"sync"
	"sync/atomic"
	"time"
)

// AssertionFresh is how old an assertion becomes before a session gets another.
const AssertionFresh = time.Minute

// Asserter signs what facts say, for one audience.
type Asserter interface {
	Sign(f *Facts, audience string, now time.Time) (string, error)
}

// assertions are what was signed about facts. There is one for each audience: the
// sites that share the session.
type assertions struct {
	signing sync.Mutex
	kept    atomic.Pointer[[]asserted]
}

type asserted struct {
	audience, token string
	fresh           int64 // unix nanoseconds until which it is
}

// Assertion returns a signed assertion about f. It signs at most once in
// AssertionFresh; while one is being renewed others go on with the last, which is
// still good.
func (f *Facts) Assertion(s Asserter, audience string, now time.Time) (string, error) {
	a := f.asserted.Load()
	if a == nil {
		f.asserted.CompareAndSwap(nil, &assertions{})
		a = f.asserted.Load()
	}
	last := a.find(audience)
	if last != nil && now.UnixNano() < last.fresh {
		return last.token, nil
	}
	if !a.signing.TryLock() {
		if last != nil && now.UnixNano() < last.fresh+int64(AssertionFresh/2) {
			return last.token, nil
		}
		a.signing.Lock()
	}
	defer a.signing.Unlock()
	if last = a.find(audience); last != nil && now.UnixNano() < last.fresh {
		return last.token, nil // somebody else was faster
	}
	token, err := s.Sign(f, audience, now)
	if err != nil {
		return "", err
	}
	a.keep(asserted{audience, token, now.Add(AssertionFresh).UnixNano()})
	return token, nil
}

func (a *assertions) find(audience string) *asserted {
	if kept := a.kept.Load(); kept != nil {
		for i := range *kept {
			if (*kept)[i].audience == audience {
				return &(*kept)[i]
			}
		}
	}
	return nil
}

// keep replaces the list, which others may be reading.
func (a *assertions) keep(one asserted) {
	next := []asserted{one}
	if kept := a.kept.Load(); kept != nil {
		for _, other := range *kept {
			if other.audience != one.audience {
				next = append(next, other)
			}
		}
	}
	a.kept.Store(&next)
}
