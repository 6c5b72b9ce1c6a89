package caddymodule_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/cliendo/gateway/caddymodule"
	"github.com/cliendo/gateway/caddymodule/store"
)

func resource(t *testing.T, module interface {
	caddymodule.StoreModule
	caddy.Provisioner
},
) string {
	t.Helper()
	if err := module.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	return module.Resource()
}

// Two configs that mean one file must share it, however they write it: a second
// opening waits for the lock of the first, and the reload fails.
func TestOneFileIsOneResource(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("GATEWAY_TEST_DIR", dir)
	want := resource(t, &caddymodule.BoltStore{Path: filepath.Join(dir, "gateway.db")})
	for _, path := range []string{"gateway.db", "./gateway.db", "x/../gateway.db", dir + "//gateway.db", "{env.GATEWAY_TEST_DIR}/gateway.db"} {
		if got := resource(t, &caddymodule.BoltStore{Path: path}); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if got := resource(t, &caddymodule.BoltStore{Path: "other.db"}); got == want {
		t.Error("two files are one resource")
	}
}

func TestOneRedisIsOneResourceWithoutItsPassword(t *testing.T) {
	want := resource(t, &caddymodule.RedisStore{URL: "redis://localhost:6379/2", Prefix: "a:"})
	for _, same := range []caddymodule.RedisStore{
		{URL: "redis://localhost/2?prefix=a:"},
		{URL: "redis://user:geheim@localhost/2", Prefix: "a:"},
		{URL: "redis://localhost?db=2&prefix=a%3A"},
	} {
		if got := resource(t, &same); got != want || strings.Contains(got, "geheim") {
			t.Errorf("%+v: %s, want %s", same, got, want)
		}
	}
	for _, other := range []caddymodule.RedisStore{
		{URL: "redis://localhost/3", Prefix: "a:"}, {URL: "redis://localhost/2"}, {URL: "redis://elsewhere/2", Prefix: "a:"},
	} {
		if got := resource(t, &other); got == want {
			t.Errorf("%+v is the same resource", other)
		}
	}
}

func TestTheFolderOfTheStoreIsMadeForItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "down", "gateway.db")
	module := &caddymodule.BoltStore{Path: path}
	if err := module.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	engine, err := module.Open(store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	if info, err := os.Stat(filepath.Dir(path)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v, want 0700", info, err)
	}
	if _, err := module.Open(store.Options{}); err == nil {
		t.Error("the file was opened twice")
	}
}

func TestWithoutAStoreThereIsOneInCaddysDataFolder(t *testing.T) {
	data := t.TempDir()
	t.Setenv("XDG_DATA_HOME", data)
	if got, want := resource(t, &caddymodule.BoltStore{}), filepath.Join(data, "caddy", "login_gateway", "gateway.db"); got != "bolt "+want {
		t.Errorf("%s, want %s", got, want)
	}
	p := newPlace(t)
	delete(p.app(), "store")
	p.must("accounts", "add", "zuid")
	if _, err := os.Stat(filepath.Join(data, "caddy", "login_gateway", "gateway.db")); err != nil {
		t.Error(err)
	}
}
