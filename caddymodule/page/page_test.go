package page_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/page"
)

// newPages makes a renderer with the brand of a made-up practice.
func newPages(t testing.TB, change ...func(*page.Options)) *page.Renderer {
	t.Helper()
	o := page.Options{Brand: page.Brand{
		Name: "De Praktijk", SupportPhone: "030 123 45 67", SupportMail: "help@praktijk.test",
		SupportURL: "https://praktijk.test/help", AppointmentURL: "https://praktijk.test/afspraak",
	}}
	for _, f := range change {
		f(&o)
	}
	p, err := page.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEveryCauseHasAPage(t *testing.T) {
	p := newPages(t)
	for _, c := range cause.All() {
		w := httptest.NewRecorder()
		p.Refusal(w, httptest.NewRequest(http.MethodGet, "/clients", http.NoBody), page.Refusal{Cause: c})
		if w.Code != c.Status() {
			t.Errorf("%s: status %d, want %d", c, w.Code, c.Status())
		}
	}
}
