// Package endtoend_test proves the promises of the gateway from outside: the real
// binary, with real stores, browsers and apps, over real connections. It owns no
// code of the product, and knows nothing of its inside but the records it fills
// stores with.
package endtoend_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

func TestMain(m *testing.M) { kit.Main(m) }

// town starts a gateway on a store in which the town lives, with an app behind it.
func town(t *testing.T, s *kit.Store, site kit.Site) (*kit.Gateway, *kit.App) {
	t.Helper()
	app := kit.NewApp(t)
	site.Store, site.Upstream = s.Town().Line, app.Addr
	return kit.Start(t, site), app
}

// refused checks that the gateway itself refused, for this cause.
func refused(t *testing.T, a kit.Answer, status int, cause string) {
	t.Helper()
	if a.Status != status || a.Cause() != cause || !a.Own() || a.FromApp() {
		t.Errorf("want a refusal with status %d and cause %q, got %s", status, cause, a)
	}
}

// sentTo checks for a redirect of the gateway.
func sentTo(t *testing.T, a kit.Answer, to string) {
	t.Helper()
	if a.Status != http.StatusSeeOther || a.To() != to || a.FromApp() {
		t.Errorf("want 303 to %q, got %s", to, a)
	}
}

// arrived checks that the app answered, to this user.
func arrived(t *testing.T, a kit.Answer, user string) kit.Seen {
	t.Helper()
	s := a.Decode(t)
	if a.Status != http.StatusOK || s.Header.Get("Remote-User") != user {
		t.Errorf("want the app's answer to %q, got %s", user, a)
	}
	return s
}

// decode reads JSON that a command printed.
func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("that is not the JSON expected: %v\n%s", err, text)
	}
}
