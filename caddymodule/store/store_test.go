package store_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule/store"
)

func TestKeyCheck(t *testing.T) {
	plain, listed := store.Kind{Name: "plain"}, store.Kind{Name: "listed", Listed: true}
	longest := strings.Repeat("x", store.MaxKeyPart)
	for name, key := range map[string]store.Key{
		"plain":       {Tag: "a", Kind: plain, ID: "1"},
		"no id":       {Tag: "a", Kind: plain},
		"longest":     {Tag: longest, Kind: listed, ID: longest},
		"any byte":    {Tag: "}{%\xff\n", Kind: listed, ID: "\x01:"},
		"kind's name": {Tag: "a", Kind: store.Kind{Name: "a-z_09"}, ID: "1"},
	} {
		if err := key.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, key := range map[string]store.Key{
		"no tag":          {Kind: plain, ID: "1"},
		"no kind":         {Tag: "a", ID: "1"},
		"upper-case kind": {Tag: "a", Kind: store.Kind{Name: "Plain"}, ID: "1"},
		"no id in a list": {Tag: "a", Kind: listed},
		"NUL in tag":      {Tag: "a\x00", Kind: plain},
		"NUL in id":       {Tag: "a", Kind: plain, ID: "a\x00"},
		"long tag":        {Tag: longest + "x", Kind: plain},
		"long id":         {Tag: "a", Kind: plain, ID: longest + "x"},
	} {
		err := key.Check()
		if !errors.Is(err, store.ErrKey) || strings.Contains(err.Error(), "xxx") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestKinds holds the list of collections to what keys allow, and apart.
func TestKinds(t *testing.T) {
	seen := map[string]bool{}
	for _, kind := range []store.Kind{
		store.Accounts.Kind, store.Roll.Kind, store.Users.Kind, store.Claims.Kind, store.Sessions.Kind,
		store.Budgets.Kind, store.Attempts.Kind, store.AttemptIndex.Kind, store.Secrets.Kind,
	} {
		if err := kind.Check(); err != nil || seen[kind.Name] {
			t.Errorf("%+v: %v, seen before: %t", kind, err, seen[kind.Name])
		}
		seen[kind.Name] = true
	}
}

func TestEncoding(t *testing.T) {
	until := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	want := &store.User{ID: "u1", Name: "Zo\u00eb \"quoted\"\r\n", Block: &store.Block{By: "u2", Until: until}}
	value, err := store.Users.Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := store.Users.Decode(value)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for name, bad := range map[string][]byte{
		"nothing": nil, "empty": {}, "a later encoding": []byte("2{}"), "no JSON": []byte("1{"), "another type": []byte(`1{"id":5}`),
	} {
		v, err := store.Users.Decode(bad)
		if err == nil || errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s decodes to %v, %v", name, v, err)
		}
	}
}

// fixed is a Reader with fixed answers.
type fixed struct {
	value []byte
	err   error
}

func (f fixed) Get(context.Context, store.Key) ([]byte, error) { return f.value, f.err }

func (f fixed) Scan(context.Context, string, store.Kind, string, string, int) ([]store.Entry, error) {
	return []store.Entry{{ID: "1", Value: f.value}}, f.err
}

// TestCollectionErrors wants every failure to stay what it is.
func TestCollectionErrors(t *testing.T) {
	for _, want := range []error{store.ErrNotFound, store.ErrUnavailable, context.Canceled} {
		if _, err := store.Users.Get(t.Context(), fixed{err: want}, "a", "1"); !errors.Is(err, want) {
			t.Errorf("Get: %v, want %v", err, want)
		}
		if _, err := store.Users.Scan(t.Context(), fixed{err: want}, "a", "", "", 1); !errors.Is(err, want) {
			t.Errorf("Scan: %v, want %v", err, want)
		}
	}
	broken := fixed{value: []byte("?")}
	if _, err := store.Users.Get(t.Context(), broken, "a", "1"); err == nil || errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get of a broken record: %v", err)
	}
	if _, err := store.Users.Scan(t.Context(), broken, "a", "", "", 1); err == nil {
		t.Error("Scan of a broken record is no error")
	}
	items, err := store.Users.Scan(t.Context(), fixed{value: []byte(`1{"name":"Zoe"}`)}, "a", "", "", 1)
	if err != nil || len(items) != 1 || items[0].ID != "1" || items[0].Value.Name != "Zoe" {
		t.Errorf("Scan: %v, %v", items, err)
	}
}

func TestDefaults(t *testing.T) {
	o := store.Options{}.WithDefaults()
	if o.Schema != store.SchemaVersion || o.Now == nil || o.Observe == nil {
		t.Errorf("%+v", o)
	}
	o.Observe("get", 0, nil)
	given := store.Options{Schema: 9, Migrations: []store.Migration{{From: 8}}}.WithDefaults()
	if given.Schema != 9 || len(given.Migrations) != 1 {
		t.Errorf("%+v", given)
	}
}
