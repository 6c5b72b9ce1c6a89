package page_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/page"
)

// TestLocale walks down the order of choice.
func TestLocale(t *testing.T) {
	dutch, english := newPages(t), newPages(t, func(o *page.Options) { o.Locale = "en" })
	for _, tc := range []struct {
		name, address, stored, accept string
		want, wantEnglishDefault      string
	}{
		{"nothing known", "/", "", "", "nl", "en"},
		{"own choice wins", "/?lang=en&ui_locales=nl", "nl", "nl", "en", "en"},
		{"own choice with region", "/?lang=nl-BE", "en", "en", "nl", "nl"},
		{"a choice we do not speak", "/?lang=it", "en", "", "en", "en"},
		{"stored before app and browser", "/?ui_locales=nl", "en", "nl", "en", "en"},
		{"app before browser", "/?ui_locales=it+en+nl", "", "nl", "en", "en"},
		{"browser", "/", "", "en-GB,en;q=0.9", "en", "en"},
		{"Dutch browser", "/", "", "nl,en-US;q=0.7,en;q=0.3", "nl", "nl"},
		{"order by weight", "/", "", "en;q=0.5, nl;q=0.9", "nl", "nl"},
		{"German browser", "/", "", "de", "nl", "en"},
		{"German browser as it ships", "/", "", "de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7", "nl", "en"},
		{"Frisian browser", "/", "", "fy,nl;q=0.9,en;q=0.8", "nl", "nl"},
		{"any language", "/", "", "*", "nl", "en"},
		{"broken", "/?lang=%00%ff&ui_locales=;;;", "\x00", ";;q=x,,", "nl", "en"},
		{"huge", "/?lang=" + strings.Repeat("n", 9000), strings.Repeat("nl-", 900), strings.Repeat("x", 9000), "nl", "en"},
	} {
		r := httptest.NewRequest(http.MethodGet, tc.address, http.NoBody)
		r.Header.Set("Accept-Language", tc.accept)
		if got := dutch.Locale(r, tc.stored); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
		if got := english.Locale(r, tc.stored); got != tc.wantEnglishDefault {
			t.Errorf("%s, default en: %q, want %q", tc.name, got, tc.wantEnglishDefault)
		}
	}
}
