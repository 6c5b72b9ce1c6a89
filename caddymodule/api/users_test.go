package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/apikey"
)

func TestUsersAreAddedReadChangedAndRemoved(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		made := h.ok(h.all, http.MethodPost, "/accounts/acme/users",
			`{"id":"jan","email":" Jan@Acme.test","name":"Jan <b>{env.HOME}</b>","type":"teammate","locale":"nl"}`)
		password, _ := made.at("password").(string)
		if made.status != http.StatusCreated || len(password) < 14 || made.at("user.email") != "jan@acme.test" ||
			made.header.Get("Location") != base+"/accounts/acme/users/jan" || made.at("user.password") != "generated" {
			t.Errorf("made %d %v %s", made.status, made.header, made.text)
		}
		got := h.ok(h.all, http.MethodGet, "/accounts/acme/users/jan", "")
		if got.at("name") != "Jan <b>{env.HOME}</b>" || got.at("can_log_in") != true || strings.Contains(got.text, "<b>") {
			t.Errorf("read %s", got.text)
		}
		tag := got.header.Get("ETag")
		h.refused(428, "if_match_required", h.all, http.MethodPatch, "/accounts/acme/users/jan", `{"type":"admin"}`)
		changed := h.ok(h.all, http.MethodPatch, "/accounts/acme/users/jan", `{"type":"admin","name":"Jan"}`, "If-Match", tag)
		if changed.at("type") != "admin" || changed.at("name") != "Jan" || changed.header.Get("ETag") == tag {
			t.Errorf("changed %s", changed.text)
		}
		h.refused(412, "changed", h.all, http.MethodPatch, "/accounts/acme/users/jan", `{"type":"client"}`, "If-Match", tag)
		h.refused(412, "changed", h.all, http.MethodPost, "/accounts/acme/users/jan/block", `{"reason":"gone"}`, "If-Match", tag)
		h.refused(412, "changed", h.all, http.MethodDelete, "/accounts/acme/users/jan", "", "If-Match", tag)

		blocked := h.ok(h.all, http.MethodPost, "/accounts/acme/users/jan/block", `{"reason":"left","until":"2027-04-01T00:00:00Z"}`)
		if blocked.at("cause") != "user_blocked" || blocked.at("block.why") != "left" || blocked.at("can_log_in") != false {
			t.Errorf("blocked %s", blocked.text)
		}
		h.refused(422, "invalid", h.all, http.MethodPost, "/accounts/acme/users/jan/block", `{"reason":"x","until":"2020-01-01T00:00:00Z"}`)
		if free := h.ok(h.all, http.MethodPost, "/accounts/acme/users/jan/unblock", ""); free.at("block") != nil {
			t.Errorf("unblocked %s", free.text)
		}
		shown := h.ok(h.all, http.MethodPost, "/accounts/acme/users/jan/password", `{"how":"show"}`)
		if fresh, _ := shown.at("password").(string); len(fresh) < 14 || fresh == password {
			t.Errorf("password %s", shown.text)
		}
		mailed := h.ok(h.all, http.MethodPost, "/accounts/acme/users/jan/password", `{"how":"mail"}`)
		if mailed.at("password") != nil || mailed.at("mail") == "" || mailed.at("until") == nil {
			t.Errorf("mailed %s", mailed.text)
		}
		h.ok(h.all, http.MethodPost, "/accounts/acme/users/jan/login-mail", "")
		h.ok(h.all, http.MethodPost, "/accounts/acme/users/jan/end-sessions", "")
		h.ok(h.all, http.MethodPost, "/accounts/acme/users/jan/clear-delays", "")

		if found := h.ok(h.all, http.MethodGet, "/users?email=JAN@acme.test", ""); found.at("users.0.id") != "jan" {
			t.Errorf("found %s", found.text)
		}
		list := h.ok(h.all, http.MethodGet, "/accounts/acme/users?limit=1", "")
		if list.at("users.0.id") != "acme-owner" || list.at("next") == nil {
			t.Errorf("list %s", list.text)
		}
		if gone := h.ok(h.all, http.MethodDelete, "/accounts/acme/users/jan", ""); gone.status != http.StatusNoContent || gone.text != "" {
			t.Errorf("deleted: %d %s", gone.status, gone.text)
		}
		h.refused(404, "not_found", h.all, http.MethodGet, "/accounts/acme/users/jan", "")
		if found := h.ok(h.all, http.MethodGet, "/users?email=jan@acme.test", ""); found.at("users.0") != nil {
			t.Errorf("found %s", found.text)
		}
		h.refused(409, "taken", h.all, http.MethodPost, "/accounts/acme/users", `{"email":"owner@rival.test","name":"X","type":"client"}`)
	})
}

func TestTheLastSuperadminStays(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		for path, body := range map[string]string{
			"PATCH /accounts/acme/users/acme-owner":      `{"type":"client"}`,
			"POST /accounts/acme/users/acme-owner/block": `{"reason":"x"}`,
			"DELETE /accounts/acme/users/acme-owner":     "",
		} {
			method, path, _ := strings.Cut(path, " ")
			got := h.refused(403, "forbidden", h.all, method, path, body, "If-Match", "*")
			if got.at("why") != "last_superadmin" {
				t.Errorf("%s %s: %s", method, path, got.text)
			}
		}
	})
}

// What a key for one account is told of another one is what it is told of one
// that nobody has, to the byte; and the staff is there for no key at all.
func TestOtherAccountsLookLikeUnknownOnes(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		acme := h.key("acme", apikey.Scopes()...)
		bodies := map[string]string{
			"patch-account": `{"name":"x"}`, "create-user": `{"email":"new@acme.test","name":"x","type":"client"}`,
			"invite-user": `{"email":"new@acme.test","name":"x","type":"client"}`, "patch-user": `{"name":"x"}`,
			"block-user": `{"reason":"x"}`, "change-email": `{"email":"new@acme.test"}`, "reset-password": `{"how":"show"}`,
		}
		walked := 0
		for _, op := range h.room.Operations() {
			if !strings.Contains(op.Path, "{account}") {
				continue
			}
			walked++
			at := func(account, user string) string {
				return strings.NewReplacer("{account}", account, "{user}", user).Replace(op.Path)
			}
			unknown := h.ask(acme, op.Method, at("unknown", "unknown"), bodies[op.ID], "If-Match", "*")
			if unknown.status != 404 || unknown.reason() != "not_found" {
				t.Errorf("%s of nobody: %d %s", op.ID, unknown.status, unknown.text)
			}
			for _, other := range []string{"rival", "staff"} {
				for _, user := range []string{"rival-owner", "staff-desk", "acme-owner"} {
					got := h.ask(acme, op.Method, at(other, user), bodies[op.ID], "If-Match", "*")
					if got.status != unknown.status || got.text != unknown.text {
						t.Errorf("%s of %s/%s: %d %s", op.ID, other, user, got.status, got.text)
					}
				}
			}
			for _, user := range []string{"rival-owner", "staff-desk"} {
				if !strings.Contains(op.Path, "{user}") {
					continue
				}
				if got := h.ask(acme, op.Method, at("acme", user), bodies[op.ID], "If-Match", "*"); got.text != unknown.text {
					t.Errorf("%s of acme/%s: %d %s", op.ID, user, got.status, got.text)
				}
			}
			if got := h.ask(h.all, op.Method, at("staff", "staff-desk"), bodies[op.ID], "If-Match", "*"); got.text != unknown.text {
				t.Errorf("%s of the staff, with a key for all: %d %s", op.ID, got.status, got.text)
			}
		}
		if walked < 15 {
			t.Errorf("only %d operations were walked", walked)
		}
		for _, path := range []string{"/users?email=owner@rival.test", "/users?email=desk@staff.test", "/users?email=nobody@rival.test"} {
			if got := h.ok(acme, http.MethodGet, path, ""); got.text != `{"users":[]}`+"\n" {
				t.Errorf("%s: %s", path, got.text)
			}
		}
		if got := h.ok(acme, http.MethodGet, "/accounts", ""); got.at("accounts.0.id") != "acme" || strings.Contains(got.text, "rival") {
			t.Errorf("its list: %s", got.text)
		}
		if got := h.ok(h.all, http.MethodGet, "/accounts", ""); strings.Contains(got.text, "staff") {
			t.Errorf("the list of a key for all: %s", got.text)
		}
		rival, err := h.dir.User(t.Context(), "rival", "rival-owner")
		must(t, err)
		if rival.Name != "owner" || rival.Block != nil || rival.Password != "hash of something" {
			t.Errorf("it was changed: %+v", rival)
		}
	})
}

func TestExtraFieldsChangeNothing(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		before, err := h.dir.User(t.Context(), "acme", "acme-team")
		must(t, err)
		for _, field := range []string{
			`"account":"rival"`, `"id":"other"`, `"email":"x@acme.test"`, `"password":"x"`, `"hash":"x"`, `"epoch":1`, `"block":null`,
			`"second_step":false`, `"Type":"superadmin"`, `"TYPE":"superadmin"`, `"type":"client","type":"superadmin"`,
			`"created":"2020-01-01T00:00:00Z"`, `"display":"x"`, `"__proto__":{"type":"superadmin"}`, `"name\u0000":"x"`,
		} {
			for path, method := range map[string]string{"/accounts/acme/users/acme-team": http.MethodPatch, "/accounts/acme/invitations": http.MethodPost} {
				body := `{"name":"Other",` + field + `}`
				if method == http.MethodPost {
					body = `{"email":"new@acme.test","name":"Other","type":"client",` + field + `}`
					if strings.HasPrefix(field, `"email"`) {
						continue
					}
				}
				if got := h.ask(h.all, method, path, body, "If-Match", "*"); got.status != 422 && got.status != 400 {
					t.Errorf("%s %s: %d %s", method, body, got.status, got.text)
				}
			}
		}
		after, err := h.dir.User(t.Context(), "acme", "acme-team")
		must(t, err)
		if *after != *before {
			t.Errorf("changed: %+v, was %+v", after, before)
		}
		if users, err := h.dir.Users(t.Context(), "acme", "", 10); err != nil || len(users) != 2 {
			t.Errorf("%d users, %v", len(users), err)
		}
	})
}
