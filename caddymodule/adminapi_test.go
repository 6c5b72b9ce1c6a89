package caddymodule_test

import (
	"net/http"
	"strings"
	"testing"
)

func storeHeader(p *place) http.Header {
	return http.Header{"Login-Gateway-Store": {"bolt " + p.dir + "/gateway.db"}}
}

// Without the key nothing is told: not what is wrong with the request, not
// whether there is a gateway.
func TestTheAdminEndpointTellsAStrangerNothing(t *testing.T) {
	p := newPlace(t).start()
	const want = `{"error":"not authorized"}`
	for _, path := range []string{"/login_gateway/run", "/login_gateway/check"} {
		for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodDelete} {
			for _, key := range []string{"", "x", strings.Repeat("0", 64), p.key()[:63], p.key() + "0"} {
				for _, body := range []string{"", "{", `{"group":"accounts","verb":"list"}`} {
					code, answer := p.admin(method, path, key, storeHeader(p), strings.NewReader(body))
					if code != http.StatusUnauthorized || strings.TrimSpace(answer) != want {
						t.Errorf("%s %s with key %q: %d %s", method, path, key, code, answer)
					}
				}
			}
		}
	}
}

func TestTheAdminEndpointRefusesWhatIsNoCommand(t *testing.T) {
	p := newPlace(t).start()
	long := `{"group":"` + strings.Repeat("x", 70_000) + `"}`
	for _, c := range []struct {
		name, method, kind, store, body string
		code                            int
	}{
		{"method", "GET", "", "", "", http.StatusMethodNotAllowed},
		{"kind", "POST", "text/plain", "", `{"group":"why"}`, http.StatusUnsupportedMediaType},
		{"no JSON", "POST", "", "", `{`, http.StatusBadRequest},
		{"unknown field", "POST", "", "", `{"grup":"why"}`, http.StatusBadRequest},
		{"two commands", "POST", "", "", `{"group":"why"}{"group":"why"}`, http.StatusBadRequest},
		{"too long", "POST", "", "", long, http.StatusRequestEntityTooLarge},
		{"another store", "POST", "", "bolt /elsewhere", `{"group":"why"}`, http.StatusNotFound},
		{"no such command", "POST", "", "", `{"group":"nonsense"}`, http.StatusUnprocessableEntity},
		{"fine", "POST", "application/json; charset=utf-8", "", `{"group":"accounts","verb":"list"}`, http.StatusOK},
	} {
		header := storeHeader(p)
		if c.kind != "" {
			header.Set("Content-Type", c.kind)
		}
		if c.store != "" {
			header.Set("Login-Gateway-Store", c.store)
		}
		code, answer := p.admin(c.method, "/login_gateway/run", p.key(), header, strings.NewReader(c.body))
		if code != c.code || !strings.HasPrefix(answer, "{") {
			t.Errorf("%s: %d %s, want %d and JSON", c.name, code, answer, c.code)
		}
	}
}

// A reload hands the endpoint to the new config, and a stop takes it away.
func TestTheAdminEndpointFollowsReloads(t *testing.T) {
	p := newPlace(t).start()
	p.must("accounts", "add", "zuid")
	p.app()["arrears_blocks_at"] = 5
	p.start()
	if r := p.must("accounts", "list"); !strings.Contains(r.out, "zuid") {
		t.Errorf("after a reload: %q", r.out)
	}
	p.stop()
	if r := p.must("accounts", "list"); !strings.Contains(r.out, "zuid") {
		t.Errorf("after the stop: %q", r.out)
	}
}

// Hashes stay where they are, whoever asks.
func TestNoAnswerHoldsAHash(t *testing.T) {
	p := newPlace(t).start()
	p.must("accounts", "add", "zuid")
	p.must(addAnna...)
	for _, args := range [][]string{{"users", "show", "anna@example.nl"}, {"users", "list"}, {"why", "anna@example.nl"}} {
		if r := p.run(append(args, "--json")...); strings.Contains(r.out, "argon2") || strings.Contains(r.out, p.key()) {
			t.Errorf("%v: %s", args, r.out)
		}
	}
}
