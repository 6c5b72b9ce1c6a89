package caddymodule_test

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule"
	"github.com/cliendo/gateway/caddymodule/limit"
)

// row is one line of a table of the documentation.
type row struct {
	usage, json, def string
}

// tables reads the tables of docs/configuration.md by the heading they stand
// under; the table of budgets has none of its own.
func tables(t *testing.T) map[string][]row {
	t.Helper()
	text, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	all, heading := map[string][]row{}, ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "#"):
			heading = strings.TrimLeft(line, "# ")
		case strings.HasPrefix(line, "Each budget has"):
			heading = "budget"
		case strings.HasPrefix(line, "Their defaults"):
			heading = "budget defaults"
		case strings.HasPrefix(line, "| `"):
			cells := regexp.MustCompile(`[^\\]\|`).Split(strings.Trim(line, "|"), -1)
			for i, c := range cells {
				cells[i] = strings.TrimSpace(strings.ReplaceAll(c, `\|`, "|"))
			}
			all[heading] = append(all[heading], row{usage: code(cells[0])[0], json: strings.Join(code(cells[1]), " "), def: cells[2]})
		}
	}
	return all
}

var quoted = regexp.MustCompile("`([^`]+)`")

func code(cell string) []string {
	var out []string
	for _, m := range quoted.FindAllStringSubmatch(cell, -1) {
		out = append(out, m[1])
	}
	return append(out, "")
}

func TestEveryWordIsDocumentedAndNoOther(t *testing.T) {
	documented := tables(t)
	for heading, section := range caddymodule.Sections() {
		got := map[string]string{}
		for _, r := range documented[heading] {
			name, _, _ := strings.Cut(r.usage, " ")
			got[name] = r.usage
		}
		want := section.Words
		if _, ok := want["store"]; ok {
			want["store"] = "store bolt <file>" // the guest modules speak for themselves
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: words of the parser (-), of docs/configuration.md (+):\n%s", heading, diff)
		}
	}
}

func TestEveryFieldIsDocumented(t *testing.T) {
	documented := tables(t)
	for heading, section := range caddymodule.Sections() {
		var names []string
		for _, r := range documented[heading] {
			names = append(names, strings.Fields(r.json)...)
		}
		for _, field := range section.JSON {
			if !slices.Contains(names, field) {
				t.Errorf("%s: the JSON field %s is not in docs/configuration.md", heading, field)
			}
		}
	}
}

func TestTheDocumentedDefaultsAreTheRealOnes(t *testing.T) {
	defaults, err := caddymodule.Defaults()
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for heading, rows := range tables(t) {
		for _, r := range rows {
			name, _, _ := strings.Cut(r.usage, " ")
			documented[heading+"/"+name] = strings.Trim(r.def, "`")
		}
	}
	for name, want := range defaults {
		got, ok := documented[name]
		if !ok || !same(got, want) {
			t.Errorf("%s: documented as %q, is %v", name, got, want)
		}
	}
}

// same compares a value with how it is written down.
func same(text string, value any) bool {
	if d, ok := value.(time.Duration); ok {
		parsed, err := caddy.ParseDuration(text)
		return err == nil && parsed == d
	}
	return text == fmt.Sprint(value)
}

func TestTheDocumentedBudgetsAreTheRealOnes(t *testing.T) {
	text, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	d := limit.Defaults()
	for name, b := range map[string]limit.Budget{
		"user_network": d.UserNetwork, "user": d.User, "network": d.Network, "device": d.Device, "second_step": d.SecondStep,
	} {
		line := fmt.Sprintf("| `%s` | %d | %s | %s | %s | %s | %s |", name, b.Free, short(b.Window), short(b.Delay),
			short(b.MaxDelay), short(b.Forget), map[bool]string{true: "on", false: "off"}[b.ResetOnSuccess])
		if !strings.Contains(string(text), line) {
			t.Errorf("docs/configuration.md lacks the line\n%s", line)
		}
	}
}

// zeros are what time.Duration writes after minutes and hours.
var zeros = regexp.MustCompile(`([hm])(0m)?0s$`)

func short(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return zeros.ReplaceAllString(d.String(), "$1")
}

// Who reads the struct must find what it means and what it is without being told.
func TestEveryFieldHasAComment(t *testing.T) {
	for file, types := range map[string][]any{
		"config.go": {
			caddymodule.App{}, caddymodule.Brand{}, caddymodule.TypeRule{}, caddymodule.SessionLimits{},
		},
		"config_limits.go": {caddymodule.Limits{}, caddymodule.Budget{}, caddymodule.Argon2{}},
		"config_mail.go":   {caddymodule.Mail{}, caddymodule.MailLimits{}},
		"config_provider.go": {
			caddymodule.ProviderClient{},
			caddymodule.SecondStepBy{},
			caddymodule.GoogleProvider{},
			caddymodule.MicrosoftProvider{},
			caddymodule.LinkedInProvider{},
			caddymodule.OIDCProvider{},
		},
		"mailermodules.go": {caddymodule.SMTPMailer{}, caddymodule.FileMailer{}},
		"config_site.go":   {caddymodule.Handler{}, caddymodule.PublicRule{}},
		"storemodules.go":  {caddymodule.BoltStore{}, caddymodule.RedisStore{}},
	} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range types {
			typ := reflect.TypeOf(v)
			for i := range typ.NumField() {
				f := typ.Field(i)
				comment := regexp.MustCompile(`(?m)^\t// ` + f.Name + `\b.*\n(\t//.*\n)*\t` + f.Name + ` `)
				if f.IsExported() && !f.Anonymous && !comment.Match(source) {
					t.Errorf("%s: %s.%s has no comment that begins with its name", file, typ.Name(), f.Name)
				}
			}
		}
	}
}
