package testkit

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/cause"
)

// Attr is the first value that a page has under an attribute.
func Attr(res *httptest.ResponseRecorder, name string) string {
	_, rest, _ := strings.Cut(res.Body.String(), name+`="`)
	found, _, _ := strings.Cut(rest, `"`)
	return found
}

// Want checks status, cause and where an answer leads.
func Want(t testing.TB, res *httptest.ResponseRecorder, status int, c cause.Cause, location string) {
	t.Helper()
	if res.Code != status || Attr(res, "data-cause") != string(c) || res.Header().Get("Location") != location {
		t.Fatalf("%d %q to %q, want %d %q to %q: %s", res.Code, Attr(res, "data-cause"), res.Header().Get("Location"), status, c, location, res.Body)
	}
}
