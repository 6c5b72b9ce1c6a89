package demo_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/demo"
	"github.com/cliendo/gateway/caddymodule/provider"
)

// sample runs the sample provider, and returns what believes one of its kinds.
func sample(t *testing.T, kind string) *provider.Provider {
	t.Helper()
	var play http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { play.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	s, err := demo.NewProvider(server.URL, gatewayURL, []demo.Person{{Email: "owner@demo.test"}, {Email: "<b>@demo.test"}})
	if err != nil {
		t.Fatal(err)
	}
	play = s
	cache := provider.NewCache(provider.CacheOptions{})
	t.Cleanup(cache.Close)
	p, err := provider.New(provider.Config{
		Kind: provider.Kind(kind), Base: s.Base(kind), ClientID: s.ClientID, ClientSecret: s.ClientSecret,
	}, provider.Options{Cache: cache})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const gatewayURL = "http://localhost:8080/gateway"

// press sends a form of the page at address, and returns where it leads.
func press(t *testing.T, address string, form url.Values) *url.URL {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	r.RequestURI = ""
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	next, err := answer.Location()
	if err != nil {
		t.Fatalf("%d: %v", answer.StatusCode, err)
	}
	return next
}

func begin(t *testing.T, p *provider.Provider, kind string) (provider.Flow, string) {
	t.Helper()
	f := provider.NewFlow(gatewayURL + "/provider/" + kind + "/callback")
	address, err := p.Begin(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return f, address
}

func TestTheGatewayBelievesTheSampleProviderAsItDoesTheRealOnes(t *testing.T) {
	for _, kind := range demo.Kinds() {
		p := sample(t, kind)
		subjects := map[string]bool{}
		for _, email := range []string{"owner@demo.test", "owner@demo.test", "stranger@elsewhere.test"} {
			f, address := begin(t, p, kind)
			id, err := p.Finish(t.Context(), press(t, address, url.Values{"email": {email}}).Query(), f)
			if err != nil || id.Email != email || id.EmailVerified == (kind == "microsoft") {
				t.Fatalf("%s: %+v, %v", kind, id, err)
			}
			subjects[id.Subject] = true
		}
		if len(subjects) != 2 {
			t.Errorf("%s: %d accounts of two people", kind, len(subjects))
		}
		f, address := begin(t, p, kind)
		back := press(t, address, url.Values{"cancel": {"1"}})
		var refused *provider.RefusedError
		if _, err := p.Finish(t.Context(), back.Query(), f); !errors.As(err, &refused) || refused.Reason != provider.ReasonCancelled {
			t.Errorf("%s, cancelled: %v", kind, err)
		}
	}
}

func TestACodeOfTheSampleProviderIsGoodOnceAndForItsFlow(t *testing.T) {
	p := sample(t, "google")
	f, address := begin(t, p, "google")
	back := press(t, address, url.Values{"email": {"owner@demo.test"}}).Query()
	other := provider.NewFlow(f.Redirect)
	other.State = f.State
	if _, err := p.Finish(t.Context(), back, other); err == nil {
		t.Error("it took the code with another verifier")
	}
	if _, err := p.Finish(t.Context(), back, f); err == nil {
		t.Error("it took the code again")
	}
}

func TestTheSampleProviderSendsPeopleToTheDemoAlone(t *testing.T) {
	p := sample(t, "google")
	_, address := begin(t, p, "google")
	for what, wrong := range map[string]string{
		"another host":   strings.Replace(address, "localhost%3A8080", "example.com", 1),
		"another client": strings.Replace(address, "client_id=cliendo-demo", "client_id=another", 1),
		"another kind":   strings.Replace(address, "/google/authorize", "/linkedin/authorize", 1),
		"no kind":        strings.Replace(address, "/google/authorize", "/x/authorize", 1),
		"another answer": strings.Replace(address, "response_type=code", "response_type=token", 1),
	} {
		if wrong == address {
			t.Fatalf("%s: nothing is wrong", what)
		}
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r := httptest.NewRequestWithContext(t.Context(), method, wrong, nil)
			r.RequestURI = ""
			answer, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if answer.StatusCode != http.StatusBadRequest {
				t.Errorf("%s %s: %d", method, what, answer.StatusCode)
			}
		}
	}
}
