package page_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/cliendo/gateway/caddymodule/page"
)

// A sentence that a page asks for by name alone stands in the page as text, escaped
// as it would be if the page asked each time, in branches and loops too.
func TestSentencesAreSpelledOut(t *testing.T) {
	words := fstest.MapFS{
		"words/nl.json": {Data: []byte(`{"a":"Jij & <b>\"wij\"</b>","many":"{n} keer"}`)},
		"words/en.json": {Data: []byte(`{"a":"You","many":"{n} times"}`)},
	}
	const asked = `<p title="{{t "a"}}">{{t "a"}}</p>{{if .}}{{t "a"}}{{else}}-{{end}}` +
		`{{range .}}{{t "a"}}{{t "many" "n" .}}{{else}}-{{end}}{{with .}}{{with t "a"}}{{.}}{{end}}{{end}}` +
		`{{define "part"}}{{t "a"}}{{end}}{{template "part"}}`
	spelled, plain, err := page.Spelled(words, asked, []int{2})
	if err != nil {
		t.Fatal(err)
	}
	if spelled != plain || strings.Count(spelled, "Jij &amp; &lt;b&gt;") != 6 {
		t.Errorf("spelled out:\n%s\nasked for each time:\n%s", spelled, plain)
	}
	for _, missing := range []string{`{{t "b"}}`, `{{if .}}{{else}}{{t "b"}}{{end}}`, `{{range .}}{{with .}}{{t "b"}}{{end}}{{end}}`} {
		if _, _, err := page.Spelled(words, missing, []int{2}); err == nil || !strings.Contains(err.Error(), `words of nl have no "b"`) {
			t.Errorf("%s: %v", missing, err)
		}
	}
}
