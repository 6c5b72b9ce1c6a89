package session_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
)

// numbers signs by counting.
type numbers struct{ n atomic.Int64 }

func (c *numbers) Sign(f *session.Facts, audience string, _ time.Time) (string, error) {
	return audience + " " + f.User.Name() + " " + strconv.FormatInt(c.n.Add(1), 10), nil
}

func TestAnAssertionIsSignedOnceInAMinute(t *testing.T) {
	onStores(t, func(t *testing.T, k *kit) {
		signs, cookie := &numbers{}, k.start(false)
		said := func(audience string) string {
			f, err := k.first().Check(context.Background(), cookie)
			if err != nil {
				t.Fatal(err)
			}
			a, err := f.Assertion(signs, audience, k.clock.now())
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		first, other := said("one"), said("two")
		var wait sync.WaitGroup
		for range 50 {
			wait.Go(func() {
				if got := said("one"); got != first {
					t.Errorf("got %q after %q", got, first)
				}
			})
		}
		wait.Wait()
		k.clock.push(session.AssertionFresh - time.Millisecond)
		if said("one") != first || said("two") != other || signs.n.Load() != 2 {
			t.Errorf("signed %d times within a minute for two audiences", signs.n.Load())
		}
		k.clock.push(time.Millisecond)
		if said("one") == first || said("two") == other || signs.n.Load() != 4 {
			t.Errorf("signed %d times in two minutes for two audiences", signs.n.Load())
		}
	})
}

func TestAnAssertionSaysWhatIsSoNow(t *testing.T) {
	onStores(t, func(t *testing.T, k *kit) {
		signs, cookie, ctx := &numbers{}, k.start(false), context.Background()
		f, err := k.first().Check(ctx, cookie)
		if err != nil {
			t.Fatal(err)
		}
		before, _ := f.Assertion(signs, "app", k.clock.now())
		_, err = k.first().dir.UpdateUser(ctx, f.User.Account(), f.User.ID(), func(u *store.User) error {
			u.Name = "Another Name"
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if f, err = k.first().Check(ctx, cookie); err != nil {
			t.Fatal(err)
		}
		if after, _ := f.Assertion(signs, "app", k.clock.now()); after != "app Another Name 2" {
			t.Errorf("after a change the app is told %q, before it %q", after, before)
		}
	})
}

// slow signs when it is told to.
type slow struct {
	numbers
	begun, goOn chan struct{}
}

func (s *slow) Sign(f *session.Facts, audience string, now time.Time) (string, error) {
	s.begun <- struct{}{}
	<-s.goOn
	return s.numbers.Sign(f, audience, now)
}

func TestNobodyWaitsWhileAnAssertionIsRenewed(t *testing.T) {
	onStores(t, func(t *testing.T, k *kit) {
		f, err := k.first().Check(context.Background(), k.start(false))
		if err != nil {
			t.Fatal(err)
		}
		old, _ := f.Assertion(&numbers{}, "app", k.clock.now())
		k.clock.push(session.AssertionFresh)
		s := &slow{begun: make(chan struct{}), goOn: make(chan struct{})}
		renewed := make(chan string)
		go func() {
			a, _ := f.Assertion(s, "app", k.clock.now())
			renewed <- a
		}()
		<-s.begun
		if got, err := f.Assertion(s, "app", k.clock.now()); got != old || err != nil {
			t.Errorf("meanwhile another request got %q, %v; want the last one, %q", got, err, old)
		}
		close(s.goOn)
		if now := <-renewed; now == "" {
			t.Error("nothing was signed")
		}
	})
}

// broken cannot sign.
type broken struct{}

func (broken) Sign(*session.Facts, string, time.Time) (string, error) {
	return "", errors.New("no key")
}

func TestWhatCannotBeSignedIsSaid(t *testing.T) {
	onStores(t, func(t *testing.T, k *kit) {
		f, err := k.first().Check(context.Background(), k.start(false))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := f.Assertion(broken{}, "app", k.clock.now()); got != "" || err == nil {
			t.Errorf("got %q, %v", got, err)
		}
		if got, err := f.Assertion(&numbers{}, "app", k.clock.now()); got == "" || err != nil {
			t.Errorf("afterwards: %q, %v", got, err)
		}
	})
}
