package caddymodule_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/store/storetest/redistest"
)

// A restore finds a gateway that uses the same Redis under another configuration,
// which the command knows nothing of. One that was stopped keeps nobody from it.
func TestARestoreFindsGatewaysOfOtherConfigurations(t *testing.T) {
	server := redistest.Start(t)
	on := func(p *place) *place {
		p.app()["store"] = object{"backend": "redis", "url": server.URL()}
		return p
	}
	here, there := on(newPlace(t).site(gateway(), proxy())), on(newPlace(t).site(gateway(), proxy()))
	there.must("accounts", "add", "zuid")
	file := filepath.Join(there.dir, "backup")
	there.must("backup", file)
	here.start()
	r := there.run("restore", file, "--replace")
	if r.code == 0 || !strings.Contains(r.err, "a gateway uses this store") {
		t.Fatalf("under a gateway of another configuration: %d %s%s", r.code, r.out, r.err)
	}
	if r := there.must("accounts", "list"); !strings.Contains(r.out, "zuid") {
		t.Errorf("the records are gone: %s", r.out)
	}
	here.stop()
	there.must("restore", file, "--replace")
	there.must("restore", file, "--replace") // and nobody came back to life
}
