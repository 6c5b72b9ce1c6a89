package apikey_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/apikey"
	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/store"
)

type ctx = context.Context

var here = apikey.From{Network: "192.0.2.7/32", Agent: "billing/1.0"}

func TestAKeyOpensOnEveryNodeUntilItIsRevoked(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		k, key := h.make("acme")
		for _, node := range []*apikey.Book{h.one, h.two} {
			got, err := node.Open(t.Context(), key, here)
			must(t, err)
			if got.ID != k.ID || got.Account != "acme" || !apikey.Reaches(got, "acme") || apikey.Reaches(got, "other") {
				t.Errorf("opened %+v", got)
			}
		}
		if _, err := h.one.Revoke(t.Context(), k.ID, "support"); err != nil {
			t.Fatal(err)
		}
		if _, err := h.one.Open(t.Context(), key, here); !errors.Is(err, apikey.ErrWrong) {
			t.Errorf("on the node that revoked it: %v", err)
		}
		for { // the other one hears of it, and needs nothing else for that
			if _, err := h.two.Open(t.Context(), key, here); errors.Is(err, apikey.ErrWrong) {
				break
			}
			if t.Context().Err() != nil {
				t.Fatal("the other node never heard")
			}
			time.Sleep(time.Millisecond)
		}
	})
}

func TestTheSecretLiesNowhere(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		k, key := h.make("")
		if !strings.HasPrefix(key, "cgk_"+k.ID) || len(key) != len("cgk_")+16+52 {
			t.Fatalf("key %q", key)
		}
		hidden := key[len("cgk_")+16:]
		items, err := h.engine.Engine.Scan(t.Context(), "a:staff", store.APIKeys.Kind, "", "", 10)
		must(t, err)
		if len(items) != 1 || strings.Contains(string(items[0].Value), hidden) {
			t.Errorf("in the store: %s", items)
		}
		list, err := h.one.List(t.Context(), "")
		must(t, err)
		shown, err := json.Marshal(list)
		must(t, err)
		if strings.Contains(string(shown), hidden) {
			t.Errorf("in the list: %s", shown)
		}
	})
}

func TestWrongKeysCostTheStoreNothing(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		k, key := h.make("")
		_, err := h.one.Open(t.Context(), key, here)
		must(t, err)
		reads, writes := h.engine.reads.Load(), h.engine.writes.Load()
		last := key[:len(key)-1] + map[bool]string{true: "b", false: "a"}[strings.HasSuffix(key, "a")]
		for i, wrong := range []string{
			"", "x", "cgk_", key + "a", key[:len(key)-1], last, strings.ToUpper(key), "cgk_" + strings.Repeat("a", 68),
			"cgk_" + k.ID + strings.Repeat("a", 52), strings.Repeat("a", 1<<20), " " + key, key + "\x00",
		} {
			network := apikey.From{Network: "198.51.100." + string(rune('0'+i%10)) + "/32"}
			if got, err := h.one.Open(t.Context(), wrong, network); !errors.Is(err, apikey.ErrWrong) || got != nil {
				t.Errorf("%.80q: %v, %v", wrong, got, err)
			}
		}
		if h.engine.reads.Load() != reads || h.engine.writes.Load() != writes {
			t.Errorf("wrong keys made %d reads and %d writes", h.engine.reads.Load()-reads, h.engine.writes.Load()-writes)
		}
	})
}

func TestGuessingIsBoundedForTheGuesserOnly(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		_, known := h.make("")
		_, fresh := h.make("")
		_, err := h.one.Open(t.Context(), known, here)
		must(t, err)
		var refused *apikey.Refused
		tries := 0
		for ; tries < 1000 && !errors.As(err, &refused); tries++ {
			_, err = h.one.Open(t.Context(), "cgk_"+strings.Repeat("b", 68), here)
		}
		if tries > 21 {
			t.Errorf("%d wrong keys were looked at", tries-1)
		}
		if _, err := h.one.Open(t.Context(), fresh, here); !errors.As(err, &refused) || !refused.Until.After(h.Now()) {
			t.Errorf("a right key that was never seen there: %v", err)
		}
		if _, err := h.one.Open(t.Context(), known, here); err != nil {
			t.Errorf("whoever shares the network and was there before: %v", err)
		}
		if _, err := h.one.Open(t.Context(), fresh, apikey.From{Network: "203.0.113.9/32"}); err != nil {
			t.Errorf("another network: %v", err)
		}
		h.Push(refused.Until.Sub(h.Now()))
		if _, err := h.one.Open(t.Context(), fresh, here); err != nil {
			t.Errorf("when the wait is over: %v", err)
		}
	})
}

func TestLastUseIsShownAndWrittenOnce(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		k, key := h.make("")
		shown, err := h.one.Find(t.Context(), k.ID)
		must(t, err)
		if shown.Used != nil {
			t.Errorf("used before it was: %+v", shown.Used)
		}
		writes := h.engine.writes.Load()
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() {
				if _, err := h.one.Open(context.Background(), key, here); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if shown, err = h.one.Find(t.Context(), k.ID); err != nil || shown.Used == nil || !shown.Used.At.Equal(h.Now()) {
			t.Errorf("on this node at once: %+v, %v", shown.Used, err)
		}
		must(t, h.one.Close())
		if n := h.engine.writes.Load() - writes; n != 1 {
			t.Errorf("200 uses were %d writes", n)
		}
		if shown, err = h.two.Find(t.Context(), k.ID); err != nil || shown.Used == nil || shown.Used.Network != here.Network {
			t.Errorf("on the other node: %+v, %v", shown.Used, err)
		}
		if _, err := h.one.Open(t.Context(), key, here); err != nil {
			t.Errorf("a request that is still under way: %v", err)
		}
	})
}

func TestWritingMayReadAndNothingElse(t *testing.T) {
	k := &store.APIKey{Scopes: []string{apikey.UsersWrite, apikey.AccountsRead}}
	for scope, want := range map[string]bool{
		apikey.UsersWrite: true, apikey.UsersRead: true, apikey.AccountsRead: true, apikey.AccountsWrite: false,
		apikey.AttemptsRead: false, apikey.AuditRead: false, apikey.EventsRead: false, "": false, "users": false, ":read": false,
	} {
		if got := apikey.Allows(k, scope); got != want {
			t.Errorf("%q: %v", scope, got)
		}
	}
}

func TestWhatIsNotAcceptableIsNamed(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		for field, w := range map[string]apikey.Wanted{
			"name":    {Scopes: []string{apikey.UsersRead}},
			"scopes":  {Name: "x"},
			"account": {Name: "x", Scopes: []string{apikey.UsersRead}, Account: "nobody"},
		} {
			_, key, err := h.one.Make(t.Context(), w)
			var wrong *directory.FieldError
			if !errors.As(err, &wrong) || wrong.Field != field || key != "" {
				t.Errorf("%s: %v", field, err)
			}
		}
		_, _, err := h.one.Make(t.Context(), apikey.Wanted{Name: "x", Scopes: []string{"keys:write"}})
		if !errors.Is(err, directory.ErrInvalid) {
			t.Errorf("a scope that there is not: %v", err)
		}
		k, _, err := h.one.Make(t.Context(), apikey.Wanted{
			Name: "{env.HOME} <b>", Scopes: []string{apikey.EventsRead, apikey.UsersRead, apikey.EventsRead},
		})
		must(t, err)
		if k.Name != "{env.HOME} <b>" || strings.Join(k.Scopes, " ") != "users:read events:read" {
			t.Errorf("kept %+v", k)
		}
	})
}

func TestAStoreThatIsAwayIsNoWrongKey(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		_, key := h.make("")
		must(t, h.engine.Close())
		_, err := h.one.Open(t.Context(), key, here)
		if err == nil || errors.Is(err, apikey.ErrWrong) {
			t.Errorf("with the store closed: %v", err)
		}
	})
}

func TestKeysAreInTheAuditLogs(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		log := audit.New(h.engine, audit.Options{Now: h.Now})
		lines := func(account string) (actions string) {
			page, err := log.List(t.Context(), account, audit.Query{N: 20})
			must(t, err)
			for _, e := range page.Entries {
				if e.Action == audit.KeyMade || e.Action == audit.KeyRevoked {
					actions += e.Action + " by " + e.Actor.Name + ": " + e.Before["name"] + e.After["name"] + "; "
				}
			}
			return actions
		}
		as := audit.As(t.Context(), audit.Actor{Kind: audit.BySupport, ID: "desk", Name: "Desk"})
		k, key, err := h.one.Make(as, apikey.Wanted{Name: "Billing", Scopes: []string{apikey.UsersRead}, Account: "acme"})
		must(t, err)
		for range 2 { // once is enough
			_, err = h.one.Revoke(as, k.ID, "Desk")
			must(t, err)
		}
		const want = "key.revoked by Desk: Billing; key.made by Desk: Billing; "
		for _, account := range []string{"acme", directory.StaffAccount} {
			if got := lines(account); got != want {
				t.Errorf("in the log of %s: %s", account, got)
			}
		}
		page, err := log.List(t.Context(), "acme", audit.Query{N: 20})
		must(t, err)
		text, err := json.Marshal(page)
		must(t, err)
		if strings.Contains(string(text), key[len("cgk_")+16:]) {
			t.Error("the secret is in the log")
		}
	})
}
