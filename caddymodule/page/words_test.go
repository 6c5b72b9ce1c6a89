package page_test

import (
	"encoding/json"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/assets"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/page"
)

// words reads the word files of a locale as they are on disk.
func words(t *testing.T, locale string) map[string]string {
	t.Helper()
	files, err := fs.Glob(assets.Files, "words/*/"+locale+".json")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range append(files, "words/"+locale+".json") {
		raw, err := assets.Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var entries map[string]json.RawMessage
		if err := json.Unmarshal(raw, &entries); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for id, entry := range entries {
			all[id] = string(entry)
		}
	}
	return all
}

// TestWordsAreComplete wants the same ids with the same blanks to fill in.
func TestWordsAreComplete(t *testing.T) {
	blank := regexp.MustCompile(`\{[a-z]+\}`)
	blanks := func(locale string) map[string][]string {
		all := map[string][]string{}
		for id, text := range words(t, locale) {
			found := blank.FindAllString(text, -1)
			slices.Sort(found)
			all[id] = slices.Compact(found)
		}
		return all
	}
	if diff := cmp.Diff(blanks("nl"), blanks("en")); diff != "" {
		t.Errorf("nl and en differ (-nl +en):\n%s", diff)
	}
}

func TestEveryCauseHasWords(t *testing.T) {
	for _, locale := range []string{"nl", "en"} {
		all := words(t, locale)
		for _, c := range cause.All() {
			for _, part := range []string{".title", ".text", ".way"} {
				if all["cause."+string(c)+part] == "" {
					t.Errorf("%s lacks cause.%s%s", locale, c, part)
				}
			}
		}
	}
}

// TestStrangersReadTheSame: the words must not say whether an address exists.
func TestStrangersReadTheSame(t *testing.T) {
	for _, locale := range []string{"nl", "en"} {
		all := words(t, locale)
		for _, part := range []string{".title", ".text", ".way"} {
			if all["cause.unknown_email"+part] != all["cause.wrong_password"+part] {
				t.Errorf("%s: unknown_email%s differs from wrong_password", locale, part)
			}
		}
	}
}

func TestIncompleteWordsAreRefused(t *testing.T) {
	for _, tc := range []struct{ nl, en, want string }{
		{`{"a":"x"}`, `{"a":"y"}`, ""},
		{`{"a":"x","b":"z"}`, `{"a":"y"}`, `words/en.json lacks "b"`},
		{`{"a":"x"}`, `{"a":"y","b":"z"}`, `words/nl.json lacks "b"`},
		{`{"a":""}`, `{"a":"y"}`, `"a" is empty`},
		{`{"a":{"one":"x"}}`, `{"a":"y"}`, `no form "other"`},
		{`{"a":5}`, `{"a":"y"}`, "reading words/nl.json"},
		{`{`, `{}`, "reading words/nl.json"},
	} {
		err := page.CheckWords(fstest.MapFS{"words/nl.json": {Data: []byte(tc.nl)}, "words/en.json": {Data: []byte(tc.en)}})
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s %s: %v, want %q", tc.nl, tc.en, err, tc.want)
		}
	}
	twice := fstest.MapFS{"words/nl.json": {Data: []byte(`{"a":"x"}`)}, "words/admin/nl.json": {Data: []byte(`{"a":"y"}`)}}
	if err := page.CheckWords(twice); err == nil || !strings.Contains(err.Error(), `"a" stands in another file`) {
		t.Errorf("a sentence in two files: %v", err)
	}
	if err := page.CheckWords(fstest.MapFS{}); err == nil {
		t.Error("no words at all pass")
	}
	if err := page.CheckWords(fstest.MapFS{"words/n l.json": {Data: []byte(`{}`)}}); err == nil {
		t.Error("a file that names no language passes")
	}
}

func TestText(t *testing.T) {
	p := newPages(t)
	for _, tc := range []struct {
		locale, id string
		args       []any
		want       string
	}{
		{"nl", "login.submit", nil, "Inloggen"},
		{"en", "login.submit", nil, "Log in"},
		{"en", "retry.minutes", []any{"n", 1, "clock", "14:30"}, "You can try again in 1 minute, at 14:30."},
		{"en", "retry.minutes", []any{"n", 2, "clock", "14:30"}, "You can try again in 2 minutes, at 14:30."},
		{"nl", "link.back", []any{"brand", "{brand}"}, "Terug naar {brand}"},
		{"nl", "no.such.word", nil, "no.such.word"},
		{"nl", "link.back", []any{"odd"}, "Terug naar {brand}"},
		// A name in braces that a value brings along is the visitor's, not ours.
		{"en", "retry.minutes", []any{"n", 2, "clock", "{n} {clock"}, "You can try again in 2 minutes, at {n} {clock."},
	} {
		if got := p.Text(tc.locale, tc.id, tc.args...); got != tc.want {
			t.Errorf("%s %s %v: %q, want %q", tc.locale, tc.id, tc.args, got, tc.want)
		}
	}
}
