package provider_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/provider"
	"github.com/cliendo/gateway/caddymodule/provider/providertest"
)

// eventually waits for what happens in the background.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for ctx := t.Context(); !is(); {
		select {
		case <-ctx.Done():
			t.Fatal(what)
		case <-time.After(time.Millisecond):
		}
	}
}

// counted counts what is asked, and can be cut off.
type counted struct {
	asked atomic.Int64
	cut   atomic.Bool
}

func (c *counted) RoundTrip(r *http.Request) (*http.Response, error) {
	c.asked.Add(1)
	if c.cut.Load() {
		return nil, errors.New("the cable is out")
	}
	return http.DefaultTransport.RoundTrip(r)
}

// lined is a provider behind a line that tests can cut.
func lined(t *testing.T, h *providertest.Hostile, o provider.CacheOptions) (*provider.Provider, *counted, *provider.Cache) {
	t.Helper()
	line := new(counted)
	o.Transport, o.Retry, o.RetryMax = line, time.Millisecond, time.Millisecond
	cache := provider.NewCache(o)
	t.Cleanup(cache.Close)
	return on(t, h, cache), line, cache
}

func on(t *testing.T, h *providertest.Hostile, cache *provider.Cache) *provider.Provider {
	t.Helper()
	p, err := provider.New(provider.Config{Kind: provider.OIDC, Base: h.Base, ClientID: h.ClientID, ClientSecret: h.ClientSecret},
		provider.Options{Cache: cache})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestNothingIsAskedBeforeSomebodyComes(t *testing.T) {
	t.Parallel()
	h := providertest.StartHostile(t, providertest.OIDC)
	p, line, cache := lined(t, h, provider.CacheOptions{})
	if n := line.asked.Load(); n != 0 {
		t.Errorf("asked %d times", n)
	}
	if !p.Ready() {
		t.Error("not ready, though nothing is known against it")
	}
	if _, err := tryHostile(t, h, p); err != nil {
		t.Fatal(err)
	}
	// A reload makes providers anew on the same cache.
	before := line.asked.Load()
	if _, err := on(t, h, cache).Begin(t.Context(), provider.NewFlow(redirect)); err != nil {
		t.Fatal(err)
	}
	if n := line.asked.Load() - before; n != 0 {
		t.Errorf("asked %d times after a reload", n)
	}
}

func TestADeadProviderTurnsItsOwnButtonOffAndComesBack(t *testing.T) {
	t.Parallel()
	h, other := providertest.StartHostile(t, providertest.OIDC), providertest.StartHostile(t, providertest.OIDC)
	p, line, cache := lined(t, h, provider.CacheOptions{Refresh: time.Nanosecond})
	q := atHostile(t, other, nil)
	if _, err := tryHostile(t, h, p); err != nil {
		t.Fatal(err)
	}
	line.cut.Store(true)
	eventually(t, "off", func() bool { return !p.Ready() })
	var away *provider.UnavailableError
	if _, err := p.Begin(t.Context(), provider.NewFlow(redirect)); !errors.As(err, &away) || away.Reason != provider.ReasonDiscovery {
		t.Errorf("begin: %v", err)
	}
	if !q.Ready() {
		t.Error("the other is off, too")
	}
	if !strings.Contains(away.Error(), "cable") {
		t.Errorf("%v does not say why", away)
	}
	line.cut.Store(false)
	eventually(t, "on again", p.Ready)
	if _, err := tryHostile(t, h, p); err != nil {
		t.Error(err)
	}
	_ = cache
}

// Who was at the provider while it went away for us comes back with an answer.
func TestALoginThatBeganEndsWithTheDocumentThatWasKnown(t *testing.T) {
	t.Parallel()
	h := providertest.StartHostile(t, providertest.OIDC)
	p, line, _ := lined(t, h, provider.CacheOptions{Refresh: time.Nanosecond})
	f := provider.NewFlow(redirect)
	address, err := p.Begin(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	back := h.Answer(t, address)
	for _, fault := range providertest.Faults(providertest.OIDC) {
		if fault.Name == "document: 500" {
			h.Be(fault)
		}
	}
	eventually(t, "off", func() bool { return !p.Ready() })
	if _, err := p.Finish(t.Context(), back, f); err != nil {
		t.Error(err)
	}
	if line.asked.Load() == 0 {
		t.Error("nothing was asked")
	}
}

// A document that changes for the worse is told to the log, and the one before
// goes on.
func TestADocumentThatChangesKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	h := providertest.StartHostile(t, providertest.OIDC)
	p, line, _ := lined(t, h, provider.CacheOptions{Refresh: time.Nanosecond})
	if _, err := tryHostile(t, h, p); err != nil {
		t.Fatal(err)
	}
	for _, fault := range providertest.Faults(providertest.OIDC) {
		if fault.Name == "document: issuer of somebody else" {
			h.Be(fault)
		}
	}
	before := line.asked.Load()
	eventually(t, "asked again", func() bool { return p.Ready() && line.asked.Load() > before+2 })
	if _, err := tryHostile(t, h, p); err != nil {
		t.Error(err)
	}
}

func TestAKeyThatChangesIsFetchedOnceItIsMet(t *testing.T) {
	t.Parallel()
	h := providertest.StartHostile(t, providertest.OIDC)
	p := atHostile(t, h, nil)
	for range 3 {
		if _, err := tryHostile(t, h, p); err != nil {
			t.Fatal(err)
		}
		h.Rotate(t)
	}
}

func TestACodeIsNotGoodTwice(t *testing.T) {
	t.Parallel()
	h := providertest.StartHostile(t, providertest.OIDC)
	p := atHostile(t, h, nil)
	f := provider.NewFlow(redirect)
	address, err := p.Begin(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	back := h.Answer(t, address)
	if _, err := p.Finish(t.Context(), back, f); err != nil {
		t.Fatal(err)
	}
	_, err = p.Finish(t.Context(), back, f)
	if why, down := reason(err); why != provider.ReasonCode || down {
		t.Errorf("again: %v", err)
	}
	if !p.Ready() {
		t.Error("a bad code turned the button off for all")
	}
}

// A mix-up: what one provider answered is handed to the flow of another.
func TestAnAnswerOfAnotherProviderIsNoAnswer(t *testing.T) {
	t.Parallel()
	h, other := providertest.StartHostile(t, providertest.OIDC), providertest.StartHostile(t, providertest.OIDC)
	p, q := atHostile(t, h, nil), atHostile(t, other, nil)
	f := provider.NewFlow(redirect)
	address, err := q.Begin(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Finish(t.Context(), other.Answer(t, address), f)
	if why, _ := reason(err); why != provider.ReasonIssuer {
		t.Errorf("got %v", err)
	}
}

// A visitor who hangs up says nothing of the provider.
func TestWhoHangsUpTurnsNoButtonOff(t *testing.T) {
	t.Parallel()
	h := providertest.StartHostile(t, providertest.OIDC)
	p := atHostile(t, h, nil)
	f := provider.NewFlow(redirect)
	address, err := p.Begin(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	back := h.Answer(t, address)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Finish(ctx, back, f); err == nil {
		t.Error("it finished")
	}
	if !p.Ready() {
		t.Error("the button is off")
	}
}

func TestClosingACacheLeavesNothingBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	h := providertest.StartHostile(t, providertest.OIDC)
	p, line, cache := lined(t, h, provider.CacheOptions{})
	line.cut.Store(true)
	p.Warm()
	eventually(t, "asked", func() bool { return line.asked.Load() > 1 })
	cache.Close()
	h.Die()
	eventually(t, "ended", func() bool { return runtime.NumGoroutine() <= before+1 })
	p.Warm() // a request that still has the rooms of before
	if _, err := p.Begin(t.Context(), provider.NewFlow(redirect)); err == nil {
		t.Error("it began")
	}
}
