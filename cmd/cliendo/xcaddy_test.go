package main_test

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	caddyModule = "github.com/caddyserver/caddy/v2"
	ourModule   = "github.com/cliendo/gateway"
)

// builder has the JSON form of xcaddy's Builder struct. All fields are named,
// although we use three, so that what we may add later is still decoded strictly.
type builder struct {
	OS           string        `json:"os"`
	Arch         string        `json:"arch"`
	ARM          string        `json:"arm"`
	Cgo          bool          `json:"cgo"`
	CaddyVersion string        `json:"caddy_version"`
	Plugins      []dependency  `json:"plugins"`
	Replacements []replacement `json:"replacements"`
	TimeoutGet   int64         `json:"timeout_get"`
	TimeoutBuild int64         `json:"timeout_build"`
	RaceDetector bool          `json:"race_detector"`
	SkipCleanup  bool          `json:"skip_cleanup"`
	SkipBuild    bool          `json:"skip_build"`
	Debug        bool          `json:"debug"`
}

type dependency struct {
	ModulePath string `json:"module_path"`
	Version    string `json:"version"`
}

type replacement struct {
	Old string `json:"old"`
	New string `json:"new"`
}

func readBuilder(t *testing.T) builder {
	t.Helper()
	file, err := os.Open("../../xcaddy.json")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	var b builder
	if err := decoder.Decode(&b); err != nil {
		t.Fatalf("xcaddy.json: %v", err)
	}
	if decoder.More() {
		t.Fatal("xcaddy.json: something follows the object")
	}
	return b
}

// Who builds with xcaddy gets the Caddy that our own binary was tested with.
func TestXcaddyVersionIsThatOfGoMod(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}}", caddyModule).Output()
	if err != nil {
		t.Fatalf("asking go for the version of Caddy: %v", err)
	}
	if got, want := readBuilder(t).CaddyVersion, strings.TrimSpace(string(out)); got != want {
		t.Errorf("xcaddy.json says Caddy %s, go.mod says %s", got, want)
	}
}

// A plugin named in one place and forgotten in the other would give two
// different products under one name.
func TestXcaddyPluginsAreThoseOfTheBinary(t *testing.T) {
	b := readBuilder(t)
	var plugins []string
	for _, p := range b.Plugins {
		plugins = append(plugins, p.ModulePath)
	}
	if diff := cmp.Diff(pluginsOfMain(t), plugins); diff != "" {
		t.Errorf("plugins imported by main.go (-), named in xcaddy.json (+):\n%s", diff)
	}
	if diff := cmp.Diff([]replacement{{Old: ourModule, New: "."}}, b.Replacements); diff != "" {
		t.Errorf("the plugin is built from this checkout: %s", diff)
	}
}

// pluginsOfMain lists what main.go imports besides Caddy and the standard library.
func pluginsOfMain(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "main.go", nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var plugins []string
	for _, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(path, ".") && path != caddyModule && !strings.HasPrefix(path, caddyModule+"/") {
			plugins = append(plugins, path)
		}
	}
	slices.Sort(plugins)
	return plugins
}
