package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

// document reads what the API says about itself, as anybody can.
func (h *house) document() map[string]any {
	h.t.Helper()
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, base+"/openapi.json", nil))
	var doc map[string]any
	if w.Code != http.StatusOK || json.Unmarshal(w.Body.Bytes(), &doc) != nil {
		h.t.Fatalf("document: %d %.200s", w.Code, w.Body)
	}
	return doc
}

// check holds an answer to the document: every answer of every test passes here.
func (h *house) check(method, path string, got reply) {
	h.t.Helper()
	if got.header.Get("Cache-Control") != "no-store" || got.header.Get("X-Content-Type-Options") != "nosniff" {
		h.t.Errorf("%s %s: headers %v", method, path, got.header)
	}
	for name := range got.header {
		if strings.HasPrefix(name, "Access-Control-") || name == "Set-Cookie" {
			h.t.Errorf("%s %s: the header %s", method, path, name)
		}
	}
	if strings.Contains(got.text, "hash of") || strings.Contains(got.text, "$argon2") {
		h.t.Errorf("%s %s: a hash in the answer: %s", method, path, got.text)
	}
	if got.status >= 400 {
		if ct := got.header.Get("Content-Type"); ct != "application/problem+json" {
			h.t.Errorf("%s %s: %d as %q", method, path, got.status, ct)
		}
		if got.at("status") != float64(got.status) || got.reason() == nil || got.at("title") == "" || got.at("type") != "about:blank" {
			h.t.Errorf("%s %s: problem %s", method, path, got.text)
		}
	}
	op := h.operation(method, path)
	if op == nil || method == http.MethodHead {
		return
	}
	response := op.Responses[strconv.Itoa(got.status)]
	if response == nil && got.status >= 400 {
		response = op.Responses["default"]
	}
	if response == nil {
		h.t.Errorf("%s %s: the document knows no %d", method, path, got.status)
		return
	}
	ct := got.header.Get("Content-Type")
	media := response.Content[ct]
	if media == nil {
		if got.text != "" || len(response.Content) > 0 {
			h.t.Errorf("%s %s: the document knows no %d as %q", method, path, got.status, ct)
		}
		return
	}
	pb, res := huma.NewPathBuffer([]byte{}, 0), &huma.ValidateResult{}
	huma.Validate(h.room.API().OpenAPI().Components.Schemas, media.Schema, pb, huma.ModeReadFromServer, got.json, res)
	for _, err := range res.Errors {
		h.t.Errorf("%s %s: %d is not as the document says: %v in %s", method, path, got.status, err, got.text)
	}
}

// operation finds the operation of a request in the document.
func (h *house) operation(method, path string) *huma.Operation {
	path, _, _ = strings.Cut(strings.TrimPrefix(path, base), "?")
	parts := strings.Split(path, "/")
	for pattern, item := range h.room.API().OpenAPI().Paths {
		want := strings.Split(pattern, "/")
		if len(want) != len(parts) {
			continue
		}
		same := true
		for i := range want {
			same = same && (want[i] == parts[i] || strings.HasPrefix(want[i], "{") && parts[i] != "")
		}
		if same {
			return map[string]*huma.Operation{
				http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPatch: item.Patch, http.MethodDelete: item.Delete,
			}[method]
		}
	}
	return nil
}

func TestTheDocumentIsPublicAndSpeaksOfKeysOnly(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		doc := h.document()
		if doc["openapi"] != "3.1.0" {
			t.Errorf("version %v", doc["openapi"])
		}
		text, err := json.Marshal(doc)
		must(t, err)
		for _, no := range []string{"ErrorModel", "cookie", "Digest", "DeviceUsers", "device_users", "epoch"} {
			if strings.Contains(string(text), no) {
				t.Errorf("the document has %s", no)
			}
		}
		for _, op := range h.room.Operations() {
			if op.Scope == "" || op.ID == "" {
				t.Errorf("%+v", op)
			}
		}
	})
}
