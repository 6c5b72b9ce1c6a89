package redisstore_test

import (
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/redisstore"
	"github.com/cliendo/gateway/caddymodule/store/storetest/redistest"
)

// finding returns one line of Inspect.
func finding(t *testing.T, s *redisstore.Store, part string) store.Finding {
	t.Helper()
	findings, err := s.Inspect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		if f.Part == part {
			return f
		}
	}
	t.Fatalf("nothing about %s in %+v", part, findings)
	return store.Finding{}
}

// TestInspect sets a server up badly in many ways: each is found, with its fix.
func TestInspect(t *testing.T) {
	srv := redistest.Start(t)
	s := open(t, srv.URL(), store.Options{})
	set := func(name, value string) {
		t.Helper()
		if err := srv.Client().ConfigSet(t.Context(), name, value).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ name, value, part, level, says string }{
		{"appendfsync", "always", "durability", "ok", "every acknowledged change"},
		{"appendfsync", "everysec", "durability", "warning", "last second"},
		{"appendfsync", "no", "durability", "warning", "left to the system"},
		{"appendonly", "no", "durability", "warning", "nothing is kept"},
		{"save", "3600 1", "durability", "warning", "snapshot"},
		{"maxmemory-policy", "allkeys-lru", "eviction", "warning", "throws records away"},
		{"maxmemory-policy", "volatile-ttl", "eviction", "warning", "throws records away"},
		{"maxmemory-policy", "noeviction", "eviction", "ok", "never evicted"},
		{"maxmemory", "100mb", "memory", "ok", "of 100.0 MB"},
	} {
		set(c.name, c.value)
		f := finding(t, s, c.part)
		if f.Level != c.level || !strings.Contains(f.Message, c.says) || (f.Fix == "") != (c.level == "ok") {
			t.Errorf("%s %s: %+v", c.name, c.value, f)
		}
	}
}

// TestInspectWithoutConfig is for servers that forbid CONFIG, as hosted ones do.
func TestInspectWithoutConfig(t *testing.T) {
	srv := redistest.Start(t)
	if err := srv.Client().Do(t.Context(), "ACL", "SETUSER", "gw", "on", ">pw", "~*", "&*", "+@all", "-config").Err(); err != nil {
		t.Fatal(err)
	}
	s := open(t, "redis://gw:pw@"+srv.Addr(), store.Options{})
	if f := finding(t, s, "durability"); !strings.Contains(f.Message, "CONFIG is forbidden") {
		t.Errorf("%+v", f)
	}
	if f := finding(t, s, "eviction"); f.Level != "ok" {
		t.Errorf("%+v", f)
	}
}

func TestInspectReplica(t *testing.T) {
	master := redistest.Start(t)
	redistest.StartReplica(t, master)
	f := finding(t, open(t, master.URL(), store.Options{}), "replicas")
	if f.Level != "ok" || !strings.Contains(f.Message, "1 connected") {
		t.Errorf("%+v", f)
	}
}

// TestReplicaAlone names a replica instead of its master.
func TestReplicaAlone(t *testing.T) {
	master := redistest.Start(t)
	s := open(t, redistest.StartReplica(t, master).URL(), store.Options{})
	if err := s.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "READONLY") {
		t.Errorf("Ping of a replica: %v", err)
	}
}
