package caddymodule_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/cliendo/gateway/caddymodule"
)

var caddyfileBlock = regexp.MustCompile("(?ms)^```caddyfile\n(.*?)^```$")

// A Caddyfile that stands in the documentation is one that people copy: it is
// formatted, adapts without a warning, can be provisioned, and has no way around
// the gateway.
func TestCaddyfilesOfTheDocumentationWork(t *testing.T) {
	files, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"SMTP_PASSWORD", "GOOGLE_SECRET", "MICROSOFT_SECRET", "LINKEDIN_SECRET", "SCHOOL_SECRET"} {
		t.Setenv(name, "as the operator has it")
	}
	found := 0
	for _, file := range append(files, "../README.md") {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range caddyfileBlock.FindAllStringSubmatch(string(body), -1) {
			found++
			checkDocumented(t, file, m[1])
		}
	}
	if found == 0 {
		t.Error("no Caddyfile in the documentation")
	}
}

func checkDocumented(t *testing.T, file, input string) {
	t.Helper()
	if want := string(caddyfile.Format([]byte(input))); want != input {
		t.Errorf("%s: `caddy fmt` would change it to:\n%s", file, want)
	}
	adapted := adapt(input)
	var config caddy.Config
	if err := json.NewDecoder(strings.NewReader(adapted)).Decode(&config); err != nil {
		t.Errorf("%s: %s", file, adapted)
		return
	}
	if end := strings.LastIndexByte(adapted, '}'); end != len(adapted)-1 {
		t.Errorf("%s: warned of%s", file, adapted[end+1:])
	}
	for _, w := range caddymodule.ProxyWarnings([]byte(adapted)) {
		t.Errorf("%s: %s", file, w)
	}
	config.Admin = &caddy.AdminConfig{Disabled: true}
	if err := caddy.Validate(&config); err != nil {
		t.Errorf("%s: %v", file, err)
	}
}
