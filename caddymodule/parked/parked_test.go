package parked_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/parked"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

const typed = "note=Zo%C3%AB+zei+%E2%82%AC+10&note=nog+eens&leeg="

func TestAFormComesBackAsItWas(t *testing.T) {
	onStores(t, func(t *testing.T, c *testkit.Clock, s store.Engine) {
		l := newLot(t, c, s)
		id := l.mustPark("jan", typed)
		c.Push(parked.Keep - time.Second)
		w, err := l.Take(look(), id, "acme", "jan")
		testkit.Must(t, err)
		asked := look()
		asked.Header.Set("Cookie", "app=now")
		asked.Header.Set("Content-Length", "99")
		r := w.Form.Request(asked, id)
		body, err := io.ReadAll(r.Body)
		testkit.Must(t, err)
		h := r.Header
		if string(body) != typed || r.ContentLength != int64(len(typed)) || h.Get("Content-Length") != "50" ||
			h.Get("Content-Type") != urlencoded || h.Get("Origin") != "http://app.test" ||
			h.Get("Referer") != "http://app.test/clients/12/edit" || h.Get("Cookie") != "app=now" || w.Form.URI != "/clients/12?x=1" {
			t.Errorf("sent on: %q %v %+v", body, h, w.Form)
		}
		if asked.Header.Get("Content-Length") != "99" {
			t.Error("the request that asks was changed")
		}
	})
}

// What lies in the store says nothing to who has the store.
func TestTheStoreAloneReadsNothing(t *testing.T) {
	onStores(t, func(t *testing.T, c *testkit.Clock, s store.Engine) {
		l := newLot(t, c, s)
		secret := "a-very-secret-diagnosis"
		id := l.mustPark("jan", "note="+secret)
		testkit.Must(t, s.(store.Dumper).Dump(context.Background(), func(r store.Record) error {
			for _, text := range []string{secret, "/clients/12", l.holder.Key, "cookie of jan"} {
				if bytes.Contains(r.Value, []byte(text)) {
					t.Errorf("%s holds %s", r.Key.Kind.Name, text)
				}
			}
			return nil
		}))
		// A record moved to another id opens nothing, with the right key neither.
		rec, err := store.ParkedForms.Get(context.Background(), s, store.FormTag(id), id)
		testkit.Must(t, err)
		other := "aaaaaaaaaaaaaaaa"
		testkit.Must(t, s.Update(context.Background(), store.FormTag(other), func(tx store.Tx) error {
			return store.ParkedForms.Put(tx, other, rec, rec.Until)
		}))
		if _, err := l.Find(look(), other, "acme", "jan"); !errors.Is(err, parked.ErrGone) {
			t.Errorf("moved: %v", err)
		}
	})
}

func TestNobodyElseGetsAForm(t *testing.T) {
	onStores(t, func(t *testing.T, c *testkit.Clock, s store.Engine) {
		l := newLot(t, c, s)
		id := l.mustPark("jan", typed)
		elsewhere := newLot(t, c, s)
		gone := func(what string, l *lot, id, account, user string) {
			t.Helper()
			for _, ask := range []func(*http.Request, string, string, string) (*parked.Waiting, error){l.Find, l.Take} {
				if _, err := ask(look(), id, account, user); !errors.Is(err, parked.ErrGone) {
					t.Errorf("%s: %v", what, err)
				}
			}
		}
		gone("without a key", elsewhere, id, "acme", "jan")
		elsewhere.mustPark("piet", typed)
		gone("another browser, the same person", elsewhere, id, "acme", "jan")
		gone("another browser", elsewhere, id, "acme", "piet")
		elsewhere.holder.User = "jan"
		gone("the name without the key", elsewhere, id, "acme", "jan")
		for _, odd := range []string{"", "x", id + "x", strings.ToUpper(id), "../" + id, id[:15] + "\x00"} {
			gone(odd, l, odd, "acme", "jan")
		}
		if _, err := l.Find(look(), id, "acme", "jan"); err != nil {
			t.Fatalf("its owner: %v", err)
		}
		gone("somebody else in the same browser", l, id, "acme", "piet")
		gone("its owner after that", l, id, "acme", "jan")
		id = l.mustPark("jan", typed)
		gone("the same id in another account", l, id, "rival", "jan")
		id = l.mustPark("jan", typed)
		c.Push(parked.Keep)
		gone("too late", l, id, "acme", "jan")
	})
}

func TestAFormIsSentOnce(t *testing.T) {
	onStores(t, func(t *testing.T, c *testkit.Clock, s store.Engine) {
		l := newLot(t, c, s)
		id := l.mustPark("jan", typed)
		var got, taken atomic.Int64
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				switch _, err := l.Take(look(), id, "acme", "jan"); {
				case err == nil:
					got.Add(1)
				case errors.Is(err, parked.ErrTaken):
					taken.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		if got.Load() != 1 || taken.Load() != 49 {
			t.Fatalf("%d got it, %d were told", got.Load(), taken.Load())
		}
		testkit.Must(t, l.Settle(context.Background(), id, false))
		if _, err := l.Take(look(), id, "acme", "jan"); err != nil {
			t.Fatalf("after the app was not there: %v", err)
		}
		testkit.Must(t, l.Settle(context.Background(), id, true))
		if _, err := l.Take(look(), id, "acme", "jan"); !errors.Is(err, parked.ErrTaken) {
			t.Errorf("after it arrived: %v", err)
		}
		w, err := l.Find(look(), id, "acme", "jan")
		if err != nil || !w.Taken || w.Form != nil {
			t.Errorf("what is left of it: %+v, %v", w, err)
		}
		testkit.Must(t, l.Settle(context.Background(), "aaaaaaaaaaaaaaaa", true))
	})
}

// A form that is stopped once more on its way is not kept a second time.
func TestAFormOnItsWayKeepsItsPlace(t *testing.T) {
	onStores(t, func(t *testing.T, c *testkit.Clock, s store.Engine) {
		l := newLot(t, c, s)
		id := l.mustPark("jan", typed)
		w, err := l.Take(look(), id, "acme", "jan")
		testkit.Must(t, err)
		r := w.Form.Request(look(), id)
		page, err := l.Park(httptest.NewRecorder(), r, "/clients/12?x=1", "", nil)
		if err != nil || page != l.Page(id) {
			t.Errorf("parked again: %s, %v", page, err)
		}
	})
}
