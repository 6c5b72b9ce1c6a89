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
