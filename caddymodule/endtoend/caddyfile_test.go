package endtoend_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// A secret is exchanged in the config and nobody is logged out; without the old
// one its sessions are over. A file holds the secret as well as the config does.
func TestASecretIsRotatedByTheConfig(t *testing.T) {
	t.Parallel()
	kit.OnBothStores(t, func(t *testing.T, s *kit.Store) {
		const older, newer = "hW4nTz8cRq2VbX7mKp9sJd3LgY6fUe5A", "Vt6yBn3kQz8wMx5rHc2pLs9dGj7fTe4R"
		file := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(file, []byte(newer), 0o600); err != nil {
			t.Fatal(err)
		}
		app := kit.NewApp(t)
		with := func(secret string) kit.Site {
			return kit.Site{Store: s.Line, Upstream: app.Addr, NoSecret: true, App: "secret " + secret}
		}
		s.Town()
		g := kit.Start(t, with(older))
		load := func(secret string) {
			t.Helper()
			if err := g.Load(with(secret)); err != nil {
				t.Fatal(err)
			}
		}
		first := kit.Visit(t, g.URL).Enter("teammate")
		load(newer + " " + older)
		arrived(t, first.Get("/"), "teammate")
		second := kit.Visit(t, g.URL).Enter("client")
		load("{file." + file + "}")
		arrived(t, second.Get("/"), "client")
		if a := first.Get("/", kit.Bare); a.Status != http.StatusUnauthorized {
			t.Errorf("without the old secret: %s", a)
		}
	})
}

// Caddy's own placeholders for the user hold what the headers say.
func TestPlaceholdersTellTheUser(t *testing.T) {
	t.Parallel()
	g, _ := town(t, kit.Bolt(t), kit.Site{
		Words: "public /open/*",
		Proxy: `reverse_proxy {upstream} {
			header_up X-Who "{http.auth.user.id},{http.auth.user.email},{http.auth.user.groups},{http.auth.user.account}"
		}`,
	})
	seen := arrived(t, kit.Visit(t, g.URL).Enter("teammate").Get("/"), "teammate")
	if got, want := seen.Header.Get("X-Who"), "teammate,teammate@demo.test,teammate,acme"; got != want {
		t.Errorf("placeholders say %q, want %q", got, want)
	}
	if got := kit.Visit(t, g.URL).Get("/open/x").Decode(t).Header.Get("X-Who"); got != ",,," {
		t.Errorf("for a stranger they say %q", got)
	}
}
