package api_test

import (
	"bytes"
	"net/http"
	"testing"
)

func TestAccountsAreAddedReadChangedAndListed(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		made := h.ok(h.all, http.MethodPost, "/accounts", `{"id":"nova","name":"Nova & Co","state":"trial","trial_until":"2027-03-31"}`)
		if made.status != http.StatusCreated || made.header.Get("Location") != base+"/accounts/nova" || made.at("state") != "trial" {
			t.Errorf("made %d %v %s", made.status, made.header, made.text)
		}
		got := h.ok(h.all, http.MethodGet, "/accounts/nova", "")
		tag := got.header.Get("ETag")
		if tag == "" || tag != made.header.Get("ETag") {
			t.Errorf("ETag %q, made with %q", tag, made.header.Get("ETag"))
		}
		h.refused(428, "if_match_required", h.all, http.MethodPatch, "/accounts/nova", `{"state":"active"}`)
		h.refused(412, "changed", h.all, http.MethodPatch, "/accounts/nova", `{"state":"active"}`, "If-Match", `"old"`)
		changed := h.ok(h.all, http.MethodPatch, "/accounts/nova", `{"state":"arrears","unpaid_invoices":3,"reason":"late"}`, "If-Match", tag)
		if changed.at("state") != "arrears" || changed.at("cause") != "account_arrears" || changed.at("trial_until") != nil {
			t.Errorf("changed: %s", changed.text)
		}
		h.refused(412, "changed", h.all, http.MethodPatch, "/accounts/nova", `{"state":"active"}`, "If-Match", tag)
		again := h.ok(h.all, http.MethodPatch, "/accounts/nova", `{"state":"active","name":"Nova"}`, "If-Match", "*")
		if again.at("reason") != nil || again.at("unpaid_invoices") != nil || again.at("name") != "Nova" || again.at("cause") != nil {
			t.Errorf("again: %s", again.text)
		}
		h.refused(409, "taken", h.all, http.MethodPost, "/accounts", `{"id":"nova","name":"Nova"}`)
		h.ok(h.all, http.MethodPost, "/accounts/nova/end-sessions", "")

		first := h.ok(h.all, http.MethodGet, "/accounts?limit=2", "")
		next, _ := first.at("next").(string)
		second := h.ok(h.all, http.MethodGet, "/accounts?limit=2&after="+next, "")
		if first.at("accounts.0.id") != "acme" || second.at("accounts.0.id") == "acme" || second.at("next") != nil {
			t.Errorf("pages: %s, %s", first.text, second.text)
		}
		h.refused(422, "invalid", h.all, http.MethodGet, "/accounts/acme/users?after="+next, "")
	})
}

func TestWhatIsWrongWithAStateIsSaidBeforeAnythingIsDone(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		for body, where := range map[string]string{
			`{"name":"New","state":"trial"}`:                            "body.trial_until",
			`{"name":"New","state":"trial","trial_until":"2027-02-31"}`: "body.trial_until",
			`{"name":"New","trial_until":"2027-03-31"}`:                 "body.trial_until",
			`{"name":"New","blocks_from":"2027-03-31"}`:                 "body.blocks_from",
			`{"name":"New","unpaid_invoices":1}`:                        "body.unpaid_invoices",
			`{"name":"New","state":"arrears","unpaid_invoices":-1}`:     "body.unpaid_invoices",
			`{"name":"New","state":"gone"}`:                             "body.state",
			`{"name":"New","state":"arrears","blocks_from":"tomorrow"}`: "body.blocks_from",
			`{"name":""}`:                                                 "body.name",
			`{"pay_url":"javascript:alert(1)"}`:                           "body.pay_url",
			`{"name":"New","state":"active","epoch":5}`:                   "body.epoch",
			`{"name":"New","domains":["acme.test"]}`:                      "body.domains",
			`{"name":"New","state":"trial","trial_until":20270331}`:       "body.trial_until",
			`{"name":"New","state":"active","reason":["a"]}`:              "body.reason",
			`{"name":"New","state":"active","since":"2020-01-01T0:0:0Z"}`: "body.since",
		} {
			got := h.refused(422, "invalid", h.all, http.MethodPatch, "/accounts/acme", body, "If-Match", "*")
			if got.at("errors.0.location") != where {
				t.Errorf("%s: %s", body, got.text)
			}
		}
		if got := h.ok(h.all, http.MethodGet, "/accounts/acme", ""); got.at("name") != "acme" || got.at("state") != "active" {
			t.Errorf("changed all the same: %s", got.text)
		}
	})
}

func TestWhoWouldBeLockedOut(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.ok(h.all, http.MethodPatch, "/accounts/acme", `{"state":"trial","trial_until":"2027-03-10"}`, "If-Match", "*")
		got := h.ok(h.all, http.MethodGet, "/locked-out?on=2027-03-11", "")
		if got.at("locked_out.0.account.id") != "acme" || got.at("locked_out.0.cause") != "account_trial_ended" {
			t.Errorf("on the day after: %s", got.text)
		}
		if got := h.ok(h.all, http.MethodGet, "/locked-out?on=2027-03-10", ""); got.at("locked_out.0") != nil {
			t.Errorf("on the last day: %s", got.text)
		}
		h.refused(422, "invalid", h.all, http.MethodGet, "/locked-out?on=soon", "")
		h.refused(422, "invalid", h.all, http.MethodGet, "/locked-out", "")
	})
}

// Fields and state of one request are one step: at no moment is there an account with
// the one and without the other, and what cannot be done changes nothing.
func TestPatchingFieldsAndStateIsOneStep(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		half := false
		h.engine.seen = func(value []byte) {
			half = half || bytes.Contains(value, []byte(`"id":"acme"`)) && bytes.Contains(value, []byte("In One Step")) != bytes.Contains(value, []byte(`"suspended"`))
		}
		got := h.ok(h.all, http.MethodPatch, "/accounts/acme", `{"name":"In One Step","state":"suspended","reason":"fraud"}`, "If-Match", "*")
		if got.at("name") != "In One Step" || got.at("state") != "suspended" {
			t.Errorf("%s", got.text)
		}
		if half {
			t.Error("there was an account with one of the two")
		}
		h.engine.seen = nil
		h.refused(422, "invalid", h.all, http.MethodPatch, "/accounts/acme", `{"name":"Not Taken","state":"trial"}`, "If-Match", "*")
		h.refused(422, "invalid", h.all, http.MethodPatch, "/accounts/acme", `{"name":"  ","state":"active"}`, "If-Match", "*")
		if got := h.ok(h.all, http.MethodGet, "/accounts/acme", ""); got.at("name") != "In One Step" || got.at("state") != "suspended" {
			t.Errorf("half of a request was done: %s", got.text)
		}
	})
}
