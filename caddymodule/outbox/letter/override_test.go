package letter_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/outbox/letter"
)

// withFiles makes a renderer whose operator has these files, and returns what
// it logged.
func withFiles(t *testing.T, files map[string]string) (*letter.Renderer, string) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	r := newRenderer(t, func(o *letter.Options) { o.Dir, o.Log = dir, slog.New(slog.NewTextHandler(&log, nil)) })
	return r, log.String()
}

const ownMagic = `{{define "body"}}
{{template "p" "Zo doen wij dat."}}
{{template "button" (button .Link (t "magic.button"))}}
{{with .Code}}{{template "typed" (code .)}}{{end}}
{{with .NotMe}}{{template "notme" (notme . "Niet jij?")}}{{end}}
{{template "facts" .}}
{{end}}`

func TestOperatorsFilesReplaceOurs(t *testing.T) {
	r, log := withFiles(t, map[string]string{
		"magic.tmpl": ownMagic, "nl.json": `{"magic.subject": "Welkom terug bij {brand}"}`, ".hidden": "x",
	})
	if log != "" {
		t.Errorf("warnings: %s", log)
	}
	out := render(t, r, letter.Sample(letter.Magic, "nl", noon))
	if out.Subject != "Welkom terug bij De Praktijk" || !strings.Contains(out.Text, "Zo doen wij dat.") || !strings.Contains(out.HTML, "Zo doen wij dat.") {
		t.Errorf("%q\n%s", out.Subject, out.Text)
	}
	if out := render(t, r, letter.Sample(letter.Magic, "en", noon)); out.Subject != "Log in to De Praktijk" {
		t.Errorf("English changed: %q", out.Subject)
	}
	if out := render(t, r, letter.Sample(letter.NewPassword, "nl", noon)); out != render(t, newRenderer(t), letter.Sample(letter.NewPassword, "nl", noon)) {
		t.Error("another kind changed")
	}
}

// TestBrokenFilesFallBack, each by itself, with a warning that names the file.
func TestBrokenFilesFallBack(t *testing.T) {
	ours := newRenderer(t)
	for name, broken := range map[string]struct{ file, content, says string }{
		"syntax":        {"magic.tmpl", `{{define "body"}}{{if}}{{end}}`, "missing value"},
		"no such field": {"magic.tmpl", strings.Replace(ownMagic, ".Code", ".Secret", 1), "Secret"},
		"no such text":  {"magic.tmpl", strings.Replace(ownMagic, "magic.button", "magic.knop", 1), "magic.knop"},
		"no code":       {"magic.tmpl", strings.Replace(ownMagic, "{{with .Code}}", `{{with ""}}`, 1), "the code is missing"},
		"no link":       {"reveal_password.tmpl", `{{define "body"}}Hallo{{end}}`, "missing"},
		"no body":       {"magic.tmpl", "Hallo", ""},
		"half a tag":    {"layout.html", `<a href="{{if .Link}}"{{end}}>`, ""},
		"no JSON":       {"nl.json", `{"magic.subject": `, "JSON"},
		"unknown text":  {"nl.json", `{"magic.subjekt": "Hoi"}`, "magic.subjekt"},
		"another gap":   {"en.json", `{"magic.until": "The link works until {unitl}."}`, "gaps"},
		"two lines":     {"nl.json", `{"magic.subject": "Hoi\r\nBcc: x@x.test"}`, "more than one line"},
		"unknown name":  {"magik.tmpl", ownMagic, "magic.tmpl"},
		"too big":       {"magic.tmpl", ownMagic + strings.Repeat(" ", 65<<10), "64 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			r, log := withFiles(t, map[string]string{broken.file: broken.content, "invited.tmpl": ownMagic + "<!-- {{/* fine */}} -->"})
			if !strings.Contains(log, "WARN") || !strings.Contains(log, broken.file) || !strings.Contains(log, broken.says) {
				t.Errorf("log: %s", log)
			}
			for _, kind := range letter.Kinds() {
				if kind == letter.Invited {
					continue
				}
				for _, locale := range []string{"nl", "en"} {
					l := letter.Sample(kind, locale, noon)
					if render(t, r, l) != render(t, ours, l) {
						t.Errorf("%s in %s is not ours", kind, locale)
					}
				}
			}
			if out := render(t, r, letter.Sample(letter.Invited, "nl", noon)); !strings.Contains(out.Text, "Zo doen wij dat.") {
				t.Error("the file that is not broken is not used")
			}
		})
	}
}

func TestFolderThatIsNotThere(t *testing.T) {
	if _, err := letter.New(letter.Options{Dir: filepath.Join(t.TempDir(), "nowhere")}); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("%v", err)
	}
}
