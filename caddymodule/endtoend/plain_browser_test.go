package endtoend_test

import (
	"net"
	"testing"

	"github.com/cliendo/gateway/caddymodule/endtoend/kit"
)

// P8: where a public site is served over plain HTTP no browser sends our cookies. Whoever
// logs in there reads what it is and what to do, in their language; on the way nothing of
// them was sent to the app.
func TestPlainHTTPAtAPublicHostIsNamed(t *testing.T) {
	t.Parallel()
	_, port, err := net.SplitHostPort(kit.FreeAddr(t))
	if err != nil {
		t.Fatal(err)
	}
	site := "http://praktijk.test:" + port
	town(t, kit.Bolt(t), kit.Site{Sites: site + " {\n\tlogin_gateway\n\trespond \"the app\"\n}\n"})
	for lang, title := range map[string]string{"nl": "Dit adres is niet beveiligd", "en": "This address is not secure"} { //nolint:misspell // Dutch
		for _, script := range []bool{true, false} {
			b := newTab(t, chromium(t, lang, ""), script)
			b.open(site + "/clients/12")
			b.login("teammate", kit.Password, `data-cause="cookies_blocked"`)
			b.shows(title)
			if !reference.MatchString(b.html()) {
				t.Errorf("%s, script %v: no reference", lang, script)
			}
		}
	}
}
