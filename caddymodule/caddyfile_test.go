package caddymodule_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule"
)

var update = flag.Bool("update", false, "write the golden files anew")

const divider = "\n----------\n"

// A golden file is a Caddyfile, a line of dashes, and the JSON it becomes or the
// error it gives.
func TestCaddyfilesBecomeWhatTheirGoldenFilesSay(t *testing.T) {
	files, err := filepath.Glob("testdata/caddyfile/*.caddyfiletest")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".caddyfiletest"), func(t *testing.T) {
			input, want := readGolden(t, file)
			got := adapt(input)
			if *update {
				writeGolden(t, file, input, got)
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("golden file (-), adapted (+):\n%s", diff)
			}
			if strings.HasPrefix(got, "{") && string(caddyfile.Format([]byte(input))) != input {
				t.Errorf("`caddy fmt` would change it to:\n%s", caddyfile.Format([]byte(input)))
			}
		})
	}
}

func readGolden(t *testing.T, file string) (input, want string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	input, want, found := strings.Cut(string(content), divider)
	if !found && !*update {
		t.Fatalf("%s: no line of dashes", file)
	}
	return strings.TrimRight(input, "\n") + "\n", strings.TrimSpace(want)
}

func writeGolden(t *testing.T, file, input, got string) {
	t.Helper()
	content := strings.TrimRight(input, "\n") + divider + got + "\n"
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// adapt returns the JSON, with the warnings after it, or the error.
func adapt(input string) string {
	body, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(input), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return err.Error()
	}
	var out bytes.Buffer
	if err := json.Indent(&out, body, "", "\t"); err != nil {
		return err.Error()
	}
	for _, w := range warnings {
		out.WriteString("\n" + w.String())
	}
	for _, w := range caddymodule.ProxyWarnings(body) {
		out.WriteString("\nWARNING " + w)
	}
	return out.String()
}
