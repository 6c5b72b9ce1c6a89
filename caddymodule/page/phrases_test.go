package page_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// saying are the functions that are given phrases, and where among their arguments.
var saying = map[string][]int{
	"invalid": {1, 2}, "badAddress": {0, 1}, "bad": {1, 2}, "badRow": {2, 3}, "badFile": {0, 1}, "unknown": {0}, "Of": {0},
}

// phrases finds what packages say as phrases: texts given to one of saying, constants
// given to it, and what unfit and meets return, which choose among texts.
func phrases(t *testing.T, folders ...string) []string {
	t.Helper()
	var found []string
	for _, folder := range folders {
		consts := map[string]string{}
		var files []*ast.File
		names, err := filepath.Glob(filepath.Join("..", folder, "*.go"))
		if err != nil || len(names) == 0 {
			t.Fatal(folder, err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(filepath.Base(name), "backup") || filepath.Base(name) == "restore.go" {
				continue // what only a command says
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
			ast.Inspect(file, func(n ast.Node) bool {
				if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Names) == len(spec.Values) {
					for i, name := range spec.Names {
						consts[name.Name] = literal(spec.Values[i])
					}
				}
				return true
			})
		}
		for _, file := range files {
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					found = append(found, given(n, consts)...)
				case *ast.FuncDecl:
					if n.Name.Name == "unfit" || n.Name.Name == "meets" {
						found = append(found, returned(n)...)
					}
				}
				return true
			})
		}
	}
	slices.Sort(found)
	return slices.DeleteFunc(slices.Compact(found), func(s string) bool { return !strings.Contains(s, " ") })
}

// given are the phrases that a call is given.
func given(call *ast.CallExpr, consts map[string]string) (found []string) {
	name := ""
	switch f := call.Fun.(type) {
	case *ast.Ident:
		name = f.Name
	case *ast.SelectorExpr:
		name = f.Sel.Name
	}
	for _, i := range saying[name] {
		if i >= len(call.Args) {
			continue
		}
		if id, ok := call.Args[i].(*ast.Ident); ok {
			found = append(found, consts[id.Name])
		}
		found = append(found, literal(call.Args[i]))
	}
	return found
}

func returned(f *ast.FuncDecl) (found []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		if r, ok := n.(*ast.ReturnStmt); ok {
			for _, e := range r.Results {
				found = append(found, literal(e))
			}
		}
		return true
	})
	return found
}

func literal(e ast.Expr) string {
	if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
		text, _ := strconv.Unquote(l.Value)
		return text
	}
	return ""
}

// What an import finds wrong with a line is said in every language: each phrase has
// words, in English exactly those of the code, and its values are in all of them.
func TestPhrasesAreSaidInEveryLanguage(t *testing.T) {
	p := newPages(t)
	all := phrases(t, "directory", "transfer", "passhash")
	if len(all) < 100 {
		t.Fatalf("only %d phrases are found: the code is not read", len(all))
	}
	for _, text := range all {
		id := "said: " + text
		if got := p.Text("en", id); got != text {
			t.Errorf("en: %q is said as %q", text, got)
		}
		nl := p.Text("nl", id)
		if nl == id || nl == text {
			t.Errorf("nl: %q is not translated", text)
		}
		if braces(nl) != braces(text) {
			t.Errorf("nl: %q has the values %s, want %s", nl, braces(nl), braces(text))
		}
	}
}

// braces are the values of a sentence, in the order of the alphabet.
func braces(text string) string {
	var names []string
	for _, part := range strings.Split(text, "{")[1:] {
		name, _, _ := strings.Cut(part, "}")
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), " ")
}

// And nothing is translated that nobody says any more.
func TestNoPhraseIsLeftOver(t *testing.T) {
	said := phrases(t, "directory", "transfer", "passhash")
	for id := range words(t, "nl") {
		if text, ok := strings.CutPrefix(id, "said: "); ok && !slices.Contains(said, text) {
			t.Errorf("%q is said by no code", text)
		}
	}
}
