package endtoend_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// printSpans has Caddy's `tracing` print each span as a line of JSON.
var printSpans = []string{"OTEL_TRACES_EXPORTER=console"}

// span is one of a trace.
type span struct {
	Name                string
	SpanContext, Parent struct{ TraceID, SpanID string }
	Attributes          []struct {
		Key   string
		Value struct{ Value any }
	}
}

func (s span) path() (path any) {
	for _, a := range s.Attributes {
		if a.Key == "url.path" {
			path = a.Value.Value
		}
	}
	return path
}

// trace returns the spans of a trace by the span each stands below.
func trace(g *kit.Gateway, id string) map[string]span {
	below := map[string]span{}
	for line := range strings.SplitSeq(g.Output(), "\n") {
		var s span
		if json.Unmarshal([]byte(line), &s) == nil && s.SpanContext.TraceID == id {
			below[s.Parent.SpanID] = s
		}
	}
	return below
}

// A page of ours is a span below that of the site, which is one below that of the
// visitor. Neither tells what a mailed link holds.
func TestOurPagesAreSpansOfTheSite(t *testing.T) {
	t.Parallel()
	g, _ := town(t, kit.Bolt(t), kit.Site{Before: "tracing", Env: printSpans, Words: "public /open/*"})
	const visitors = "00f067aa0ba902b7"
	token := strings.Repeat("q", 43)
	asked := []struct {
		method, path string
		own          bool
		told         string
	}{
		{http.MethodGet, "/gateway/login?to=%2Freport", true, "/gateway/login"},
		{http.MethodPost, "/gateway/login", true, "/gateway/login"},
		{http.MethodGet, "/gateway/m/" + token, true, "/gateway/m/..."},
		{http.MethodPost, "/gateway/m/" + token + "?x=" + token, true, "/gateway/m/..."},
		{http.MethodGet, "/%67ateway/m/" + token, true, "/gateway/m/..."},
		{http.MethodGet, "/gateway/provider/google/callback?code=" + token, true, "/gateway/provider/google/callback"},
		{http.MethodGet, "/open/x", false, "/open/x"},
		{http.MethodGet, "/report", false, "/report"},
	}
	for i, a := range asked {
		kit.Visit(t, g.URL).Do(a.method, a.path, kit.With("Traceparent", fmt.Sprintf("00-%032x-%s-01", i+1, visitors)))
	}
	g.Stop() // prints the last spans
	for i, a := range asked {
		spans := trace(g, fmt.Sprintf("%032x", i+1))
		site := spans[visitors]
		ours, own := spans[site.SpanContext.SpanID]
		if site.path() != a.told || own != a.own || own && (ours.Name != "login_gateway "+a.method || ours.path() != a.told) {
			t.Errorf("%s %s: the site's span %+v, ours %+v", a.method, a.path, site, ours)
		}
	}
	if strings.Contains(g.Output(), token) {
		t.Error("a secret stands in a span or a log")
	}
}
