package api_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestHostileBodies(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		deep := strings.Repeat(`{"name":`, 2000) + "1" + strings.Repeat("}", 2000)
		for body, status := range map[string]int{
			"":                                      400,
			" ":                                     400,
			"null":                                  422,
			"[]":                                    422,
			`"x"`:                                   422,
			"12":                                    422,
			`{`:                                     400,
			`{"id":"a","name":"b"}{}`:               400,
			`{"id":"a","name":"b"} x`:               400,
			`{"id":"a","name":"b","name":"c"}`:      400,
			`{"id":"a","\u006eame":"b","name":"c"}`: 400,
			`{"id":"a","Name":"b"}`:                 400,
			`{"id":"a","name":"b","":1}`:            422,
			`{"id":"a"}`:                            422,
			`{"id":"a","name":7}`:                   422,
			`{"id":"a","name":null}`:                422,
			`{"id":["a"],"name":"b"}`:               422,
			`{"id":"A","name":"b"}`:                 422,
			`{"id":"../x","name":"b"}`:              422,
			`{"id":"staff","name":"b"}`:             422,
			`{"id":"a","name":"` + "\xff" + `"}`:    400,
			`{"id":"a","name":"\u202egnp.exe"}`:     422,
			`{"id":"a","name":"\u0000"}`:            422,
			`{"id":"a","name":"` + strings.Repeat("x", 2000) + `"}`:              422,
			`{"id":"a","name":"b","unpaid_invoices":1e400}`:                      400,
			`{"id":"a","name":"b","unpaid_invoices":1.5}`:                        422,
			`{"id":"a","name":"b","state":"` + strings.Repeat("y", 60000) + `"}`: 422,
			deep:                        400,
			strings.Repeat("[", 60_000): 400,
			strings.Repeat(" ", 1<<20):  413,
			`{"id":"a","name":"` + strings.Repeat("x", 1<<20) + `"}`: 413,
			`<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>`: 400,
		} {
			got := h.ask(h.all, http.MethodPost, "/accounts", body, "Content-Type", "application/json")
			if got.status != status {
				t.Errorf("%.100q: %d %.300s; want %d", body, got.status, got.text, status)
			}
			if len(got.text) > 2000 || strings.Contains(got.text, "xxxxxxxx") || strings.Contains(got.text, "yyyyyyyy") {
				t.Errorf("%.100q: what was sent comes back: %.300s", body, got.text)
			}
		}
		h.refused(404, "not_found", h.all, http.MethodGet, "/accounts/a", "")
	})
}

func TestOtherKindsOfBodyAreRefused(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/cbor"} {
			got := h.askAs(kind, `{"id":"a","name":"b"}`)
			if got.status != 415 || got.reason() != "media_type" {
				t.Errorf("%s: %d %s", kind, got.status, got.text)
			}
		}
		if got := h.askAs("application/json; charset=utf-8", `{"id":"a","name":"b"}`); got.status != 201 {
			t.Errorf("JSON that names its charset: %d %s", got.status, got.text)
		}
	})
}

func TestHostilePathsAndQueries(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		for path, status := range map[string]int{
			"/accounts/%00":                                  404,
			"/accounts/acme%2F..%2Frival":                    404,
			"/accounts/" + strings.Repeat("a", 99):           404,
			"/accounts/" + strings.Repeat("a", 5000):         422,
			"/accounts/ACME":                                 404,
			"/accounts/a:acme":                               404,
			"/accounts/acme/users/%E2%80%AE":                 404,
			"/accounts?limit=0":                              422,
			"/accounts?limit=501":                            422,
			"/accounts?limit=1&limit=500":                    422,
			"/accounts?limit=x":                              422,
			"/accounts?after=x":                              422,
			"/accounts?after=../../etc":                      422,
			"/accounts?after=" + strings.Repeat("a", 10_000): 422,
			"/accounts?type=superadmin":                      422,
			"/users?email=%00":                               422,
			"/users?email=no-address":                        422,
			"/why?who=%00%00%00":                             422,
			"/why?who=" + strings.Repeat("a", 320):           422,
			"/attempts/%00":                                  404,
			"/attempts/AAA-AAA":                              404,
		} {
			got := h.ask(h.all, http.MethodGet, path, "")
			if got.status != status {
				t.Errorf("%.80s: %d %.300s; want %d", path, got.status, got.text, status)
			}
			if strings.Contains(got.text, "aaaaaaaaaaaa") || strings.Contains(got.text, "etc") {
				t.Errorf("%.80s: what was sent comes back: %.300s", path, got.text)
			}
		}
	})
}

func TestASecretInTheWrongFieldDoesNotComeBack(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		for _, body := range []string{
			`{"email":"hunter2-secret","name":"x","type":"client"}`, `{"email":"a@b.test","name":"x","type":"hunter2-secret"}`,
			`{"email":"a@b.test","name":"x","type":"client","locale":"hunter2-secret"}`, `{"email":"hunter2-secret"`,
			`{"email":"a@b.test","name":"x","type":"client","id":"hunter2-SECRET"}`, `{"email":{"x":"hunter2-secret"}}`,
		} {
			got := h.ask(h.all, http.MethodPost, "/accounts/acme/users", body)
			if got.status < 400 || strings.Contains(strings.ToLower(got.text), "hunter2") {
				t.Errorf("%s: %d %s", body, got.status, got.text)
			}
		}
	})
}
