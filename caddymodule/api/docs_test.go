package api_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/api"
	"github.com/cliendo/gateway/caddymodule/apikey"
)

var update = flag.Bool("update", false, "write the list of operations anew")

const guide = "../../docs/api.md"

func TestTheGuideNamesEveryOperation(t *testing.T) {
	file, err := os.ReadFile(guide)
	must(t, err)
	const begin, end = "<!-- made from the routes -->\n\n", "\n<!-- end -->\n"
	before, rest, ok := strings.Cut(string(file), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s lacks its marks", guide)
	}
	var list strings.Builder
	list.WriteString("| operation | | scope |\n|---|---|---|\n")
	for _, op := range api.New(api.Options{Prefix: "/gateway"}).Operations() {
		path := strings.TrimPrefix(op.Path, base)
		fmt.Fprintf(&list, "| `%s` | `%s %s` | `%s` |\n", op.ID, op.Method, path, op.Scope)
	}
	want := before + begin + list.String() + end + after
	if *update {
		must(t, os.WriteFile(guide, []byte(want), 0o600))
	} else if want != string(file) {
		t.Errorf("%s: run the tests of this package with -update", guide)
	}
}

func TestTheGuideNamesEveryReasonAndScope(t *testing.T) {
	file, err := os.ReadFile(guide)
	must(t, err)
	_, table, _ := strings.Cut(string(file), "## Problems")
	var named []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (\\d+) \\|").FindAllStringSubmatch(table, -1) {
		named = append(named, m[1]+" "+m[2])
	}
	slices.Sort(named)
	if want := api.Reasons(); !slices.Equal(named, want) {
		t.Errorf("named %q\nthere are %q", named, want)
	}
	for _, scope := range apikey.Scopes() {
		if !strings.Contains(string(file), "`"+scope+"`") {
			t.Errorf("%s does not name %s", guide, scope)
		}
	}
}
