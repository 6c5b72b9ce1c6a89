package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/outbox"
)

func (h *house) allow(r outbox.Request) error {
	h.t.Helper()
	err := h.Allow(context.Background(), r)
	var many *outbox.TooMany
	if err != nil && !errors.As(err, &many) && !errors.Is(err, outbox.ErrPool) {
		h.t.Fatal(err)
	}
	return err
}

func TestThreeMailsInAQuarterOfAnHour(t *testing.T) {
	for _, known := range []bool{true, false} {
		onEngines(t, func(h *house) {
			r := outbox.Request{Subject: "u:1", Network: "192.0.2.1/32", Known: known}
			first := h.now()
			for range 3 {
				if err := h.allow(r); err != nil {
					t.Fatal(err)
				}
				h.push(time.Minute)
			}
			var many *outbox.TooMany
			if err := h.allow(r); !errors.As(err, &many) || many.Sent != 3 {
				t.Fatalf("the fourth: %v", err)
			}
			if at := many.Until.Sub(first); at < 15*time.Minute || at > 16*time.Minute {
				t.Errorf("again after %s", at)
			}
			h.push(many.Until.Sub(h.now()) + time.Second)
			if err := h.allow(r); err != nil {
				t.Errorf("at the time that was said: %v", err)
			}
			if err := h.allow(r); !errors.As(err, &many) {
				t.Errorf("two at once then: %v", err)
			}
		})
	}
}

// Who uses up a network takes nobody's only mail.
func TestANetworkThatIsUsedUpLeavesEverybodyTheirFirst(t *testing.T) {
	onEngines(t, func(h *house) {
		const network = "192.0.2.1/32"
		for i := range 10 {
			for range 2 {
				if err := h.allow(outbox.Request{Subject: fmt.Sprint("u:", i), Network: network, Known: true}); err != nil {
					t.Fatal(err)
				}
			}
		}
		victim := outbox.Request{Subject: "u:victim", Network: network, Known: true}
		if err := h.allow(victim); err != nil {
			t.Errorf("the first mail of somebody else: %v", err)
		}
		var many *outbox.TooMany
		if err := h.allow(victim); !errors.As(err, &many) || many.Sent != 0 || !many.Until.After(h.now()) {
			t.Errorf("their second: %v", err)
		}
		victim.Network = "198.51.100.7/32"
		for range 2 {
			if err := h.allow(victim); err != nil {
				t.Errorf("elsewhere, nothing was taken: %v", err)
			}
		}
		if err := h.allow(victim); !errors.As(err, &many) || many.Sent != 3 {
			t.Errorf("the fourth: %v", err)
		}
	})
}

func TestUnknownAddressesHaveAPoolOfTheirOwn(t *testing.T) {
	onEngines(t, func(h *house) {
		ask := func(i int, known bool) error {
			return h.allow(outbox.Request{Subject: fmt.Sprint("x:", i), Network: fmt.Sprint("10.0.0.", i), Known: known})
		}
		for i := range outbox.DefaultNobody {
			if err := ask(i, false); err != nil {
				t.Fatal(i, err)
			}
		}
		if err := ask(100, false); !errors.Is(err, outbox.ErrPool) {
			t.Errorf("one too many: %v", err)
		}
		if err := ask(101, true); err != nil {
			t.Errorf("somebody who exists: %v", err)
		}
		h.push(time.Hour + time.Second)
		if err := ask(102, false); err != nil {
			t.Errorf("an hour later: %v", err)
		}
	})
}

func TestFiftyAtOnceGetWhatIsAllowed(t *testing.T) {
	onEngines(t, func(h *house) {
		for _, known := range []bool{true, false} {
			var got atomic.Int32
			var all sync.WaitGroup
			for range 50 {
				all.Go(func() {
					r := outbox.Request{Subject: fmt.Sprint("u:", known), Network: fmt.Sprint("n", known), Known: known}
					if h.Allow(context.Background(), r) == nil {
						got.Add(1)
					}
				})
			}
			all.Wait()
			if got.Load() != 3 {
				t.Errorf("%d of 50 were allowed", got.Load())
			}
		}
		var got atomic.Int32
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				r := outbox.Request{Subject: fmt.Sprint("s:", i), Network: "one", Known: false}
				if h.Allow(context.Background(), r) == nil {
					got.Add(1)
				}
			})
		}
		all.Wait()
		// Each is the first of its address; two of the pool are gone already.
		if n := got.Load(); n != 50 {
			t.Errorf("%d of 50 first mails were allowed", n)
		}
	})
}

// What Next says is what Allow does, for an address and for a network, whoever
// has the address.
func TestNextIsWhenAllowLetsOneMorePass(t *testing.T) {
	for _, known := range []bool{true, false} {
		onEngines(t, func(h *house) {
			next := func(r outbox.Request) time.Duration {
				t.Helper()
				at, err := h.Next(context.Background(), r)
				if err != nil {
					t.Fatal(err)
				}
				return at.Sub(h.now())
			}
			r := outbox.Request{Subject: "u:1", Network: "192.0.2.1/32", Known: known}
			for range 3 {
				if wait := next(r); wait > 0 {
					t.Fatalf("wait %s before the limit", wait)
				}
				if err := h.allow(r); err != nil {
					t.Fatal(err)
				}
			}
			wait := next(r)
			if wait < 14*time.Minute || wait > 15*time.Minute {
				t.Fatalf("after three: wait %s", wait)
			}
			h.push(wait - 30*time.Second)
			if err := h.allow(r); err == nil {
				t.Error("one passes before the time that was said")
			}
			h.push(31 * time.Second)
			if wait := next(r); wait > 0 {
				t.Errorf("at the time that was said: wait %s", wait)
			}
			if err := h.allow(r); err != nil {
				t.Errorf("at the time that was said: %v", err)
			}
			// The network is used up by others. It holds for this address, which had a
			// mail this hour, and not for one that had none.
			for i := range 30 {
				_ = h.allow(outbox.Request{Subject: fmt.Sprint("u:other", i), Network: r.Network, Known: true})
			}
			if wait := next(r); wait < 9*time.Minute || wait > 10*time.Minute {
				t.Errorf("a network that is used up: wait %s", wait)
			}
			if wait := next(outbox.Request{Subject: "u:2", Network: r.Network, Known: known}); wait > 0 {
				t.Errorf("somebody's first mail waits %s", wait)
			}
			if wait := next(outbox.Request{Subject: r.Subject, Known: known}); wait > 0 {
				t.Errorf("where no network is known: wait %s", wait)
			}
		})
	}
}
