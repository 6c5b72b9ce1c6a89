package page_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/page"
)

// Whose second step is made of keys alone has no app: a refused recovery code must not
// send them looking for one.
func TestNobodyWithoutAnAppIsSentToOne(t *testing.T) {
	p, anApp := newPages(t), regexp.MustCompile(`\bapps?\b`)
	for _, c := range []cause.Cause{cause.SecondStepFailed, cause.BadRequest} {
		for _, noApp := range []bool{true, false} {
			step := page.SecondStep{Cause: c, Reason: "wrong", NoApp: noApp, Keys: true}
			prove := page.Prove{Form: "off", Cause: cause.SecondStepFailed, Reason: "wrong", Password: true, Code: true, NoApp: noApp}
			for _, s := range []state{
				{"step", func(p renderer, w http.ResponseWriter, r *http.Request) { p.SecondStep(w, r, c.Status(), step) }},
				{"proof", func(p renderer, w http.ResponseWriter, r *http.Request) {
					p.Again(w, r, http.StatusUnauthorized, page.Sub{Prove: prove})
				}},
			} {
				for _, locale := range []string{"nl", "en"} {
					body := open(t, p, s, "/gateway/login?lang="+locale).answer.Body.String()
					if strings.Contains(body, "security key with you") && s.name == "proof" {
						t.Error("a button is spoken of that is not there")
					}
					if app := anApp.MatchString(body); app == noApp {
						t.Errorf("%s, %s, %s: an app is spoken of: %v, there is none: %v: %s", s.name, c, locale, app, noApp, body)
					}
				}
			}
			if hint := p.ProofHint("en", prove); (hint == "") != noApp {
				t.Errorf("there is no app: %v, and the admin path says %q", noApp, hint)
			}
		}
	}
}
