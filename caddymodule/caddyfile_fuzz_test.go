package caddymodule_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cliendo/gateway/caddymodule"
)

var hasLine = regexp.MustCompile(`Caddyfile:\d+`)

// Whatever stands in the blocks, an error names file and line, and what is
// accepted can be read back: no panic, no silent half.
func TestNoCaddyfileConfusesTheParsers(t *testing.T) {
	vocabulary := []string{"{", "}", "\n", "on", "off", "1", "0", "-1", "5m", "preset", "pwa", "GET", "/x", "/*", "/gateway", "bolt", "redis", `""`, "{env.X}", "é", "user"}
	for _, s := range caddymodule.Sections() {
		for w := range s.Words {
			vocabulary = append(vocabulary, w, "\n"+w)
		}
	}
	slices.Sort(vocabulary)
	rapid.Check(t, func(t *rapid.T) {
		words := strings.Join(rapid.SliceOfN(rapid.SampledFrom(vocabulary), 0, 12).Draw(t, "words"), " ")
		for _, input := range []string{
			"{\n\tlogin_gateway {\n" + words + "\n}\n}\n",
			"app.example.com {\n\tlogin_gateway {\n" + words + "\n}\n}\n",
		} {
			got := adapt(input)
			if strings.HasPrefix(got, "{") {
				if err := json.NewDecoder(strings.NewReader(got)).Decode(new(any)); err != nil {
					t.Fatalf("%s\n%v", input, err)
				}
			} else if strings.Contains(got, "'login_gateway'") && !hasLine.MatchString(got) {
				t.Fatalf("%s\nno file and line: %s", input, got)
			}
		}
	})
}
