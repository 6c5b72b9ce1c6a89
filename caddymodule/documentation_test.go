package caddymodule_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	positions "go/token"
	"os"
	"path/filepath"
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
	comments := fieldComments(t)
	for typ := range configTypes() {
		for i := range typ.NumField() {
			f := typ.Field(i)
			if !f.IsExported() || f.Anonymous {
				continue
			}
			comment := comments[typ.Name()+"."+f.Name]
			if !regexp.MustCompile("^" + f.Name + `\b`).MatchString(comment) {
				t.Errorf("%s.%s has no comment that begins with its name", typ.Name(), f.Name)
			}
			// A block tells the defaults of its own fields; those of budgets differ.
			if !ours(f.Type) && typ != reflect.TypeFor[caddymodule.Budget]() && !regexp.MustCompile(`Default:|Needed`).MatchString(comment) {
				t.Errorf("%s.%s: its comment tells no default, nor that it is needed: %s", typ.Name(), f.Name, comment)
			}
		}
	}
}

// configTypes are the structs of our configuration: those of our Caddy modules, and
// all below them.
func configTypes() map[reflect.Type]bool {
	all := map[reflect.Type]bool{}
	var add func(reflect.Type)
	add = func(typ reflect.Type) {
		if typ = bare(typ); !ours(typ) || all[typ] {
			return
		}
		all[typ] = true
		for i := range typ.NumField() {
			if f := typ.Field(i); f.IsExported() {
				add(f.Type)
			}
		}
	}
	for _, id := range caddy.Modules() {
		if module, err := caddy.GetModule(id); err == nil {
			add(reflect.TypeOf(module.New()))
		}
	}
	return all
}

// bare is what a pointer points to, or a list or a map holds.
func bare(typ reflect.Type) reflect.Type {
	for slices.Contains([]reflect.Kind{reflect.Pointer, reflect.Slice, reflect.Map}, typ.Kind()) {
		typ = typ.Elem()
	}
	return typ
}

// ours tells whether a type is a struct of the roof.
func ours(typ reflect.Type) bool {
	typ = bare(typ)
	return typ.Kind() == reflect.Struct && typ.PkgPath() == reflect.TypeFor[caddymodule.App]().PkgPath()
}

// fieldComments are the comments of all fields of the roof's structs, by Struct.Field.
func fieldComments(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	comments := map[string]string{}
	for _, name := range files {
		file, err := parser.ParseFile(positions.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if fields, ok := spec.Type.(*ast.StructType); ok {
				for _, f := range fields.Fields.List {
					for _, name := range f.Names {
						comments[spec.Name.Name+"."+name.Name] = f.Doc.Text()
					}
				}
			}
			return false
		})
	}
	return comments
}
