package docs_test

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule/guard"
	"github.com/cliendo/gateway/caddymodule/operate"
)

var (
	testNamed = regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w*)`")
	testFunc  = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
)

// A claim with a test behind it is worth as much as the test: it must be there.
func TestEveryTestThatIsNamedExists(t *testing.T) {
	exist := map[string]bool{}
	for _, file := range files(t, "_test.go") {
		for _, m := range testFunc.FindAllStringSubmatch(read(t, file), -1) {
			exist[m[1]] = true
		}
	}
	for _, file := range markdown(t) {
		for _, m := range testNamed.FindAllStringSubmatch(read(t, file), -1) {
			if !exist[m[1]] {
				t.Errorf("%s: there is no test %s", file, m[1])
			}
		}
	}
}

var (
	commandLine = regexp.MustCompile(`(?m)(?:^|[ /])cliendo gateway ([^\n]*)`)
	codeSpan    = regexp.MustCompile("`([^`\n]+)`")
	flagNamed   = regexp.MustCompile(`--([a-z-]+)`)
)

func TestEveryCommandLineCanBeTyped(t *testing.T) {
	lines := 0
	for _, file := range markdown(t) {
		text := read(t, file)
		code := blocks(text, "")
		for _, m := range codeSpan.FindAllStringSubmatch(prose(text), -1) {
			code = append(code, m[1])
		}
		for _, c := range code {
			for _, m := range commandLine.FindAllStringSubmatch(c, -1) {
				lines++
				checkCommandLine(t, file, m[1])
			}
		}
	}
	if lines < 20 {
		t.Errorf("found %d command lines only", lines)
	}
}

// checkCommandLine looks a command and its flags up in the table, and in what the
// roof adds to it.
func checkCommandLine(t *testing.T, file, line string) {
	t.Helper()
	flags := map[string]bool{"config": true, "adapter": true, "address": true, "json": true}
	words := append(strings.Fields(line), "", "")
	switch {
	case words[0] == "check":
		maps.Copy(flags, map[string]bool{"forge": true, "echo": true})
	case words[0] == "demo", words[0] == "hash-passwords", strings.HasPrefix(words[0], "..."):
		maps.Copy(flags, map[string]bool{"listen": true, "dir": true, "password": true})
	default:
		c := slices.IndexFunc(operate.Commands(), func(c *operate.Command) bool {
			return c.Group == words[0] && (c.Verb == "" || c.Verb == words[1])
		})
		if c < 0 {
			t.Errorf("%s: there is no command %q", file, line)
			return
		}
		for _, f := range operate.Commands()[c].Flags {
			flags[f.Name] = true
		}
	}
	for _, m := range flagNamed.FindAllStringSubmatch(line, -1) {
		if !flags[m[1]] {
			t.Errorf("%s: %q has no flag --%s", file, line, m[1])
		}
	}
}

func TestHeadersAreThoseTheAppGets(t *testing.T) {
	var got []string
	contract, _, _ := strings.Cut(read(t, "docs/headers.md"), "## What the app has to do")
	for _, cells := range rows(contract) {
		got = append(got, unquote(cells[1]))
	}
	if diff := cmp.Diff(guard.DefaultHeaders[:], got); diff != "" {
		t.Errorf("guard.DefaultHeaders (-), docs/headers.md (+):\n%s", diff)
	}
}

// Who looks for a room finds it on the map.
func TestEveryPackageIsOnTheMap(t *testing.T) {
	plan := strings.Join(blocks(read(t, "ARCHITECTURE.md"), ""), "\n")
	for _, file := range files(t, ".go") {
		dir := path.Dir(file)
		if !strings.HasPrefix(dir, "caddymodule/") {
			continue
		}
		room := strings.Split(dir, "/")[1]
		if !regexp.MustCompile(`(?m)^\s.*\b` + room + `\b`).MatchString(plan) {
			t.Errorf("%s: ARCHITECTURE.md does not name %s", file, room)
		}
	}
}
