package store_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/cliendo/gateway/caddymodule/store"
)

// Every collection that the files of records declare must be in the list, or a
// backup would refuse it.
func TestEveryKindIsListed(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`= Collection\[\w+\]\{Kind\{Name: "([^"]+)"(, Listed: true)?\}\}`)
	n := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
			n++
			if k, err := store.KindNamed(m[1]); err != nil || k.Listed != (m[2] != "") {
				t.Errorf("%s declares kind %s: %+v, %v; add it to Kinds in dump.go", file, m[1], k, err)
			}
		}
	}
	if n != len(store.Kinds()) {
		t.Errorf("%d kinds are declared, %d listed", n, len(store.Kinds()))
	}
}
