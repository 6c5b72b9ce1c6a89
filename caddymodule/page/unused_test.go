package page_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cliendo/gateway/assets"
	"github.com/cliendo/gateway/caddymodule/cause"
)

var quoted = regexp.MustCompile("[\"`]([a-zA-Z0-9_.:-]+)(?:%[sv])?[\"`]")

// spoken are all names in quotation marks in our code and templates.
func spoken(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	note := func(text []byte) {
		for _, m := range quoted.FindAllSubmatch(text, -1) {
			found[string(m[1])] = true
		}
	}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		note(text)
		return err
	})
	if err == nil {
		err = fs.WalkDir(assets.Files, "pages", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := assets.Files.ReadFile(path)
			note(text)
			return err
		})
	}
	if err != nil || len(found) < 500 {
		t.Fatal(len(found), err)
	}
	return found
}

// Words that nobody says any more are not kept. A word is said where its id stands in
// quotation marks, or what its id begins with and something is put behind; those of
// a refusal are found by form, cause and part.
func TestEveryWordIsSaid(t *testing.T) {
	said := spoken(t)
	used := func(id string) bool {
		if said[id] {
			return true
		}
		part := strings.Split(id, ".")
		if len(part) == 3 && said[part[0]] && slices.Contains(cause.All(), cause.Cause(part[1])) &&
			slices.Contains([]string{"title", "text", "way"}, part[2]) {
			return true
		}
		if kind, done, ok := strings.Cut(id, ".done_"); ok && done != "" && said[kind] && said[".done_"] {
			return true // what a page says of what was just done
		}
		for i, r := range id {
			if r != '.' && r != '_' {
				continue
			}
			if said[id[:i+1]] || strings.Contains(id[:i], ".") && said[id[:i]] {
				return true
			}
		}
		return false
	}
	for id := range words(t, "nl") {
		if !strings.HasPrefix(id, "said: ") && !used(id) { // those have a test of their own
			t.Errorf("nobody says %q: remove it, in every language", id)
		}
	}
}
