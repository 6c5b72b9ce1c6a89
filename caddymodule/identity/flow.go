package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

const (
	// FlowLife is how long somebody may be away at a provider.
	FlowLife = 10 * time.Minute
	// PendingLife is how long an identity that was shown waits to be linked.
	PendingLife = 15 * time.Minute
	// maxTarget keeps the state within what providers hand back.
	maxTarget = 1024
	// maxSealed bounds what is looked at at all.
	maxSealed = 4096
)

// ErrFlow says that an answer belongs to no question of this browser, that it
// comes too late, or was given before.
var ErrFlow = errors.New("the answer belongs to no question that was asked here")

// Flow is one question to a provider: who is this? It is sealed into the `state`
// that the provider hands back, and opens only in the browser that asked, so that
// strangers cost the store nothing and many tabs can ask at once.
type Flow struct {
	Provider string `json:"p"`
	// Key is what the other secrets of the flow are made of.
	Key      string `json:"k"`
	Target   string `json:"t,omitempty"`
	Remember bool   `json:"r,omitempty"`
	Until    int64  `json:"u"` // unix seconds
	// Account, User and Session say for whom and in which session the answer is to
	// be linked; empty where it is to log in.
	Account string `json:"a,omitempty"`
	User    string `json:"i,omitempty"`
	Session string `json:"s,omitempty"`
}

// Links is true where the answer is to be linked.
func (f Flow) Links() bool { return f.User != "" }

// Nonce comes back in the ID token.
func (f Flow) Nonce() string { return secret.Digest("nonce " + f.Key) }

// Verifier is that of PKCE.
func (f Flow) Verifier() string { return secret.Digest("verifier " + f.Key) }

// Pending is an identity that was shown and is nobody's yet. It waits for the
// browser that showed it, until the person has logged in another way.
type Pending struct {
	Named
	At    time.Time
	Until time.Time
}

// Flows asks and takes answers.
type Flows struct {
	box   *secret.Box
	store Store
	now   func() time.Time
}

// NewFlows returns Flows that seal with box, whose purpose is theirs alone.
func NewFlows(s Store, box *secret.Box, now func() time.Time) *Flows {
	if now == nil {
		now = time.Now
	}
	return &Flows{box: box, store: s, now: now}
}

// Begin returns the state of a flow that belongs to a browser, and the flow with
// its secrets and its end filled in.
func (s *Flows) Begin(f Flow, browser string) (state string, _ Flow, err error) {
	if len(f.Target) > maxTarget {
		f.Target = "" // arriving at the beginning is better than not at all
	}
	f.Key, f.Until = secret.Token(), s.now().Add(FlowLife).Unix()
	state, err = s.seal(f, "flow "+browser)
	return state, f, err
}

// Resume opens a state in the browser that comes back, without using it up.
func (s *Flows) Resume(state, browser string) (f Flow, err error) {
	if browser == "" || !s.open(state, "flow "+browser, &f) || s.now().Unix() >= f.Until {
		return Flow{}, ErrFlow
	}
	return f, nil
}

// Use takes a state that was resumed, once for all nodes: whatever comes of the
// answer, a second one is ErrFlow.
func (s *Flows) Use(ctx context.Context, state string, f Flow) error {
	err := s.store.Update(ctx, store.FlowTag(secret.Digest(state)), func(tx store.Tx) error {
		switch _, err := store.UsedFlows.Read(tx, recordID); {
		case err == nil:
			return ErrFlow
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		// A second longer than the state, which ends in whole ones.
		return store.UsedFlows.Put(tx, recordID, &store.UsedFlow{At: s.now().UTC()}, time.Unix(f.Until+1, 0))
	})
	if err == nil || errors.Is(err, ErrFlow) {
		return err
	}
	return fmt.Errorf("using the answer of a provider: %w", err)
}

// pendingTag is where an identity waits that this browser showed.
func pendingTag(browser string) string { return store.FlowTag(secret.Digest("pending " + browser)) }

// Keep keeps an identity for the browser that showed it, the last one only.
func (s *Flows) Keep(ctx context.Context, n Named, browser string) error {
	now := s.now()
	until := now.Add(PendingLife)
	sealed, err := s.seal(Pending{Named: n, At: now, Until: until}, "pending "+browser)
	if err != nil {
		return err
	}
	err = s.store.Update(ctx, pendingTag(browser), func(tx store.Tx) error {
		return store.ShownIdentities.Put(tx, recordID, &store.ShownIdentity{Sealed: sealed}, until)
	})
	if err != nil {
		return fmt.Errorf("keeping an identity that waits to be linked: %w", err)
	}
	return nil
}

// Kept returns what Keep kept for this browser, while it is good.
func (s *Flows) Kept(ctx context.Context, browser string) (p Pending, ok bool, err error) {
	if browser == "" {
		return Pending{}, false, nil
	}
	shown, err := store.ShownIdentities.Get(ctx, s.store, pendingTag(browser), recordID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return Pending{}, false, nil
	case err != nil:
		return Pending{}, false, fmt.Errorf("looking for an identity that waits to be linked: %w", err)
	case !s.open(shown.Sealed, "pending "+browser, &p) || !s.now().Before(p.Until):
		return Pending{}, false, nil
	}
	return p, true, nil
}

// Drop forgets what Keep kept for this browser.
func (s *Flows) Drop(ctx context.Context, browser string) error {
	if browser == "" {
		return nil
	}
	err := s.store.Update(ctx, pendingTag(browser), func(tx store.Tx) error { return store.ShownIdentities.Delete(tx, recordID) })
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("forgetting an identity that waited to be linked: %w", err)
	}
	return nil
}

// Providers hand back best what needs no escaping in an address.
var urlSafe, notURLSafe = strings.NewReplacer("+", "-", "/", "_"), strings.NewReplacer("-", "+", "_", "/")

func (s *Flows) seal(v any, place string) (string, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("sealing a flow: %w", err)
	}
	return urlSafe.Replace(s.box.Seal(raw, place)), nil
}

func (s *Flows) open(sealed, place string, v any) bool {
	if sealed == "" || len(sealed) > maxSealed {
		return false
	}
	raw, err := s.box.Open(notURLSafe.Replace(sealed), place)
	return err == nil && json.Unmarshal(raw, v) == nil
}
