package identity_test

import (
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/identity"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

// What a browser showed waits for that browser alone, wherever its record is put, on
// every node, and after the secret was changed.
func TestWhatABrowserShowedWaitsForIt(t *testing.T) {
	ctx, now := t.Context(), time.Now()
	clock := func() time.Time { return now }
	e := testkit.Bolt(t, clock)
	first, second := []byte(secret.Token()), []byte(secret.Token())
	flows := func(secrets ...[]byte) *identity.Flows {
		keys, err := secret.NewKeys(secrets[0], secrets[1:]...)
		testkit.Must(t, err)
		return identity.NewFlows(e, testkit.Box(t, keys, "provider flow"), clock)
	}
	waits := func(f *identity.Flows, browser string) bool {
		t.Helper()
		p, ok, err := f.Kept(ctx, browser)
		testkit.Must(t, err)
		return ok && p.Subject == "jan.google"
	}
	here := flows(first)
	testkit.Must(t, here.Keep(ctx, identity.Named{Provider: "google", Issuer: "https://google.example", Subject: "jan.google"}, "his"))
	if !waits(here, "his") || waits(here, "") || waits(here, "hers") {
		t.Error("it does not wait for the browser that showed it, or for another")
	}
	if !waits(flows(second, first), "his") || waits(flows(second), "his") {
		t.Error("the secret was changed: it is lost with the old one among them, or read without")
	}
	tag := func(browser string) string { return store.FlowTag(secret.Digest("pending " + browser)) }
	shown, err := store.ShownIdentities.Get(ctx, e, tag("his"), "")
	testkit.Must(t, err)
	testkit.Must(t, e.Update(ctx, tag("hers"), func(tx store.Tx) error {
		return store.ShownIdentities.Put(tx, "", shown, now.Add(time.Hour))
	}))
	if waits(here, "hers") {
		t.Error("a record put elsewhere is taken for that browser's")
	}
	now = now.Add(identity.PendingLife)
	if waits(here, "his") {
		t.Error("it waits for too long")
	}
	now = now.Add(-time.Minute)
	testkit.Must(t, here.Drop(ctx, "his"))
	testkit.Must(t, here.Drop(ctx, "his"))
	if waits(here, "his") {
		t.Error("it waits after it was dropped")
	}
}
