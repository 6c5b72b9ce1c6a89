package page_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// document is an answer as a browser reads it.
type document struct {
	*html.Node
	answer *httptest.ResponseRecorder
}

// open shows a state at address.
func open(t testing.TB, p renderer, s state, address string) document {
	t.Helper()
	return visit(t, p, s, httptest.NewRequest(http.MethodGet, address, http.NoBody))
}

func visit(t testing.TB, p renderer, s state, r *http.Request) document {
	t.Helper()
	w := httptest.NewRecorder()
	s.show(p, w, r)
	root, err := html.Parse(strings.NewReader(w.Body.String()))
	if err != nil {
		t.Fatal(err)
	}
	return document{root, w}
}

// all finds the elements of a tag whose attributes have the given values;
// attributes are name, value, name, value.
func (d document) all(tag string, attributes ...string) []*html.Node {
	var found []*html.Node
	for n := range d.Descendants() {
		if n.Type == html.ElementNode && (tag == "*" || n.Data == tag) && matches(n, attributes) {
			found = append(found, n)
		}
	}
	return found
}

// one finds the only such element.
func (d document) one(t testing.TB, tag string, attributes ...string) *html.Node {
	t.Helper()
	found := d.all(tag, attributes...)
	if len(found) != 1 {
		t.Fatalf("%d elements <%s %q>, want 1, in %s", len(found), tag, attributes, d.answer.Body)
	}
	return found[0]
}

func matches(n *html.Node, attributes []string) bool {
	for i := 0; i < len(attributes); i += 2 {
		value, ok := attribute(n, attributes[i])
		if !ok || value != attributes[i+1] {
			return false
		}
	}
	return true
}

func attribute(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// get is the value of an attribute, "" where it is missing.
func get(n *html.Node, name string) string {
	value, _ := attribute(n, name)
	return value
}

func text(n *html.Node) string {
	var out strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			out.WriteString(c.Data)
		}
	}
	return strings.Join(strings.Fields(out.String()), " ")
}
