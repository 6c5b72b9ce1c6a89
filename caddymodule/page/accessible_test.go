package page_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cliendo/gateway/caddymodule/browsertest"
)

// TestAccessible opens every page in both languages, wide and narrow, light and
// dark, and wants no finding at all.
func TestAccessible(t *testing.T) {
	server := httptest.NewServer(gallery(newPages(t)))
	t.Cleanup(server.Close)
	for _, locale := range []string{"nl", "en"} {
		t.Run(locale, func(t *testing.T) {
			t.Parallel() // in a browser of its own
			eye := browsertest.NewEye(t)
			eye.FindsSomething(t, server.URL+"/bad")
			for _, state := range states() {
				t.Run(state.name, func(t *testing.T) {
					eye.Look(t, server.URL+"/gateway/login?lang="+locale+"&state="+state.name, state.name+"-"+locale)
				})
			}
		})
	}
}

// gallery shows the state that the query asks for.
func gallery(p renderer) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/gateway/assets/", p.Assets())
	mux.HandleFunc("/bad", func(w http.ResponseWriter, _ *http.Request) {
		p.SecurityHeaders(w.Header())
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<img src="https://elsewhere.test/x.png"><input><button style="width:9px">x</button>`))
	})
	mux.HandleFunc("/gateway/login", func(w http.ResponseWriter, r *http.Request) {
		for _, s := range states() {
			if s.name == r.URL.Query().Get("state") {
				s.show(p, w, r)
				return
			}
		}
		http.NotFound(w, r)
	})
	return mux
}
