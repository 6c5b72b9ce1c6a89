// Package docs_test holds the documentation to what it describes: causes,
// headers, commands, metrics, tests and links that are written down exist, and
// what exists is written down. What needs Caddy (the Caddyfiles, the registry of
// metrics) is compared by the tests of package caddymodule.
package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the folder of the repository, seen from this one.
const root = ".."

func read(t *testing.T, path string) string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// markdown lists all Markdown files of the repository, by their path within it.
func markdown(t *testing.T) []string { return files(t, ".md") }

func files(t *testing.T, suffix string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && (name == ".git" || name == ".build" || name == "node_modules" || name == "out") {
			return filepath.SkipDir
		}
		if !entry.IsDir() && strings.HasSuffix(name, suffix) {
			within, err := filepath.Rel(root, path)
			found = append(found, filepath.ToSlash(within))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatalf("no files that end in %s", suffix)
	}
	return found
}

var fence = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")

// blocks returns the fenced blocks of a language; "" is the language of those
// that name none.
func blocks(text, language string) []string {
	var found []string
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		if m[1] == language {
			found = append(found, m[2])
		}
	}
	return found
}

// prose is the text without its fenced blocks.
func prose(text string) string { return fence.ReplaceAllString(text, "") }

func TestReadmeHasTheTwoCommands(t *testing.T) {
	commands := blocks(read(t, "README.md"), "")
	for _, want := range []string{"go run ./cmd/cliendo gateway demo\n", "make test\n"} {
		if !slices.Contains(commands, want) {
			t.Errorf("README.md has no fenced block that is exactly %q", want)
		}
	}
}

// The line that works for a module in a sub-folder; people copy it.
func TestReadmeSaysHowToBuildWithXcaddy(t *testing.T) {
	const want = "xcaddy build --with github.com/cliendo/gateway/caddymodule --replace github.com/cliendo/gateway=.\n"
	if !slices.Contains(blocks(read(t, "README.md"), ""), want) {
		t.Errorf("README.md has no fenced block that is exactly %q", want)
	}
}

// rows returns the cells of the table rows that begin with a code span, the
// first without its backticks.
func rows(text string) [][]string {
	var found [][]string
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if strings.HasPrefix(line, "| `") {
			found = append(found, cells)
		}
	}
	return found
}

func unquote(code string) string { return strings.Trim(code, "`") }
