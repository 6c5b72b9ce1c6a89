package caddymodule_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAPasswordBlocklistThatCannotBeReadIsAnErrorOfTheConfig(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good")
	if err := os.WriteFile(good, []byte("leaked\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{
		filepath.Join(dir, "none"): "no such file",
		dir:                        "range files",
		"{env.NOT_SET_ANYWHERE}":   "is the variable set",
		good:                       "",
	} {
		p := newPlace(t).site(gateway())
		p.app()["password_blocklist"] = path
		err := validate(t, p)
		if says == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "password_blocklist") {
			t.Errorf("%s: %v; want the option and %q", path, err, says)
		}
	}
}
