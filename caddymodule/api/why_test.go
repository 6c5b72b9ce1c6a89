package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/apikey"
	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
)

// record keeps a failed attempt and returns its reference.
func (h *house) record(account, user, typed string) string {
	h.t.Helper()
	ref, err := h.attempts.Record(h.t.Context(), attempt.Entry{
		Cause: cause.WrongPassword, Method: "password", Account: account, User: user, Typed: typed, Network: "192.0.2.9/32",
	})
	must(h.t, err)
	return ref
}

func TestWhySomebodyCannotLogIn(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		acme := h.key("acme", apikey.AttemptsRead)
		own, other := h.record("acme", "acme-team", "team@acme.test"), h.record("rival", "rival-team", "team@rival.test")
		stray, staff := h.record("", "", "who@elsewhere.test"), h.record("staff", "staff-desk", "desk@staff.test")
		for _, key := range []string{acme, h.all} {
			got := h.ok(key, http.MethodGet, "/why?who="+own, "")
			if got.at("attempt.reference") != own || got.at("user.id") != "acme-team" || got.at("attempt.cause") != "wrong_password" {
				t.Errorf("its own: %s", got.text)
			}
			if got := h.ok(key, http.MethodGet, "/why?who=team@acme.test", ""); got.at("now.can_log_in") != true {
				t.Errorf("by address: %s", got.text)
			}
			if got := h.ok(key, http.MethodGet, "/attempts/"+strings.ToLower(own), ""); got.at("typed") != "team@acme.test" {
				t.Errorf("attempt: %s", got.text)
			}
			if got := h.ok(key, http.MethodGet, "/accounts/acme/users/acme-team/attempts", ""); got.at("attempts.0.reference") != own {
				t.Errorf("attempts: %s", got.text)
			}
		}
		unknown := h.refused(404, "not_found", acme, http.MethodGet, "/attempts/AAA-AAA", "")
		for _, ref := range []string{other, stray, staff} {
			for _, path := range []string{"/attempts/" + ref, "/why?who=" + ref} {
				if got := h.refused(404, "not_found", acme, http.MethodGet, path, ""); got.text != unknown.text {
					t.Errorf("%s: %s", path, got.text)
				}
			}
		}
		nobody := h.ok(acme, http.MethodGet, "/why?who=team@nowhere.test", "")
		there := h.ok(acme, http.MethodGet, "/why?who=team@rival.test", "")
		if strings.ReplaceAll(there.text, "rival", "nowhere") != nobody.text {
			t.Errorf("an address of another account: %s; of nobody: %s", there.text, nobody.text)
		}
		h.ok(h.all, http.MethodGet, "/why?who="+other, "")
		h.ok(h.all, http.MethodGet, "/why?who="+stray, "")
		h.refused(404, "not_found", h.all, http.MethodGet, "/why?who="+staff, "")
		h.refused(404, "not_found", h.all, http.MethodGet, "/attempts/"+staff, "")
		h.refused(404, "not_found", h.all, http.MethodGet, "/why?who=desk@staff.test", "")
	})
}

func TestWhatWasDoneIsInTheAuditLog(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		acme := h.key("acme", apikey.UsersWrite, apikey.AuditRead)
		h.ok(acme, http.MethodPost, "/accounts/acme/users/acme-team/block", `{"reason":"left"}`)
		h.ok(h.all, http.MethodPost, "/accounts/rival/users/rival-team/block", `{"reason":"left"}`)
		got := h.ok(acme, http.MethodGet, "/accounts/acme/audit?limit=1&action=user.blocked", "")
		if got.at("lines.0.action") != "user.blocked" || got.at("lines.0.user") != "acme-team" || got.at("lines.0.actor.kind") != "key" ||
			got.at("lines.0.actor.name") != "the app" || strings.Contains(got.text, "rival") {
			t.Errorf("log: %s", got.text)
		}
		first := h.ok(acme, http.MethodGet, "/accounts/acme/audit?limit=1", "")
		next, _ := first.at("next").(string)
		second := h.ok(acme, http.MethodGet, "/accounts/acme/audit?limit=1&after="+next, "")
		if next == "" || second.at("lines.0.seq") == first.at("lines.0.seq") {
			t.Errorf("pages %s, %s", first.text, second.text)
		}
		h.refused(422, "invalid", acme, http.MethodGet, "/accounts/acme/audit?since=yesterday", "")
	})
}

func TestChangesCanBeFollowed(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		acme := h.key("acme", apikey.EventsRead)
		follow := func(key, query string) (all []string) {
			t.Helper()
			for after := ""; ; {
				got := h.ok(key, http.MethodGet, "/events?limit=3&after="+after+query, "")
				events, _ := got.at("events").([]any)
				for _, e := range events {
					e := e.(map[string]any)
					user, _ := e["user"].(string)
					all = append(all, e["kind"].(string)+" "+e["account"].(string)+" "+user)
				}
				next, _ := got.at("next").(string)
				if next == after {
					return all
				}
				after = next
			}
		}
		h.ok(h.all, http.MethodPatch, "/accounts/acme", `{"state":"suspended"}`, "If-Match", "*")
		h.ok(h.all, http.MethodPatch, "/accounts/rival/users/rival-team", `{"name":"New"}`, "If-Match", "*")
		h.ok(h.all, http.MethodDelete, "/accounts/acme/users/acme-team", "")
		mine, all := strings.Join(follow(acme, ""), ", "), strings.Join(follow(h.all, ""), ", ")
		if !strings.HasSuffix(mine, "state acme , deleted acme acme-team") || strings.Contains(mine, "rival") {
			t.Errorf("of one account: %s", mine)
		}
		if !strings.HasSuffix(all, "state acme , changed rival rival-team, deleted acme acme-team") || strings.Contains(all, "staff") {
			t.Errorf("of all: %s", all)
		}
		if rival := strings.Join(follow(h.all, "&account=rival"), ", "); strings.Contains(rival, "acme") || !strings.Contains(rival, "rival-team") {
			t.Errorf("of the one asked for: %s", rival)
		}
		for _, account := range []string{"rival", "staff", "unknown"} {
			h.refused(404, "not_found", acme, http.MethodGet, "/events?account="+account, "")
		}
		h.refused(422, "invalid", acme, http.MethodGet, "/events?after=nonsense", "")
	})
}
