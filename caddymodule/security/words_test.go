package security_test

import (
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/recent"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

// A change that a person reads of is worded; so a new one is not forgotten.
func TestWhatPeopleReadOfIsWorded(t *testing.T) {
	p, err := page.New(page.Options{})
	testkit.Must(t, err)
	for _, locale := range []string{"nl", "en"} {
		for _, action := range recent.Tells() {
			id := "activity.did_" + strings.ReplaceAll(action, ".", "_")
			if p.Text(locale, id) == id {
				t.Errorf("%s: %s has no words", locale, id)
			}
		}
		for _, c := range cause.All() {
			if id := "story.because." + string(c); p.Text(locale, id) == id {
				t.Errorf("%s: %s has no words", locale, id)
			}
		}
	}
}
