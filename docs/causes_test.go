package docs_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/assets"
	"github.com/cliendo/gateway/caddymodule/cause"
)

var causeEntry = regexp.MustCompile("(?m)^### `(\\w+)` \\((\\d+)\\)\n\n> (.+)$")

// entry is what stands at the head of a cause.
type entry struct{ Code, Status, Words string }

func TestEveryCauseIsDocumented(t *testing.T) {
	dutch, english := words(t, "nl"), words(t, "en")
	var want, got []entry
	for _, c := range cause.All() {
		id := "cause." + string(c) + ".title"
		want = append(want, entry{string(c), fmt.Sprint(c.Status()), dutch[id] + " / " + english[id]})
	}
	for _, m := range causeEntry.FindAllStringSubmatch(read(t, "docs/causes.md"), -1) {
		got = append(got, entry{m[1], m[2], m[3]})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the closed list and the pages (-), docs/causes.md (+):\n%s", diff)
	}
}

// words are the sentences of a language that have no plural forms.
func words(t *testing.T, locale string) map[string]string {
	t.Helper()
	raw, err := assets.Files.ReadFile("words/" + locale + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	plain := map[string]string{}
	for id, raw := range all {
		var text string
		if json.Unmarshal(raw, &text) == nil {
			plain[id] = text
		}
	}
	return plain
}

// What people are told to look up must not be a word that nobody uses any more.
func TestCausesNamedElsewhereExist(t *testing.T) {
	code := regexp.MustCompile(`(?:cause|outcome|reason)(?:=~?|": )"([a-z_|]+)"`)
	for _, file := range []string{"docs/alerts.yml", "docs/headers.md", "docs/operators.md", "docs/metrics.md", "docs/causes.md"} {
		// Outcomes of mails are words of their own, and checked beside the alerts.
		text := mailOutcomes.ReplaceAllString(read(t, file), "")
		for _, m := range code.FindAllStringSubmatch(text, -1) {
			for _, c := range regexp.MustCompile(`[a-z_]+`).FindAllString(m[1], -1) {
				if _, known := cause.Cause(c).Info(); !known && c != "ok" {
					t.Errorf("%s: there is no cause %s", file, c)
				}
			}
		}
	}
}
