package letter_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/cliendo/gateway/caddymodule/outbox/letter"
)

// noon is a moment with a day after it and a day before it.
var noon = time.Date(2026, time.November, 22, 11, 34, 0, 0, time.UTC)

func newRenderer(t testing.TB, change ...func(*letter.Options)) *letter.Renderer {
	t.Helper()
	o := letter.Options{
		Brand: letter.Brand{
			Name: "De Praktijk", SupportPhone: "030 123 45 67", SupportMail: "help@praktijk.test", SupportURL: "https://praktijk.test/help",
		},
		Now: func() time.Time { return noon },
	}
	for _, f := range change {
		f(&o)
	}
	r, err := letter.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func render(t testing.TB, r *letter.Renderer, l letter.Letter) letter.Rendered {
	t.Helper()
	out, err := r.Render(l)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// everyKind runs check for every kind in both languages.
func everyKind(t *testing.T, check func(t *testing.T, l letter.Letter)) {
	t.Helper()
	for _, kind := range letter.Kinds() {
		for _, locale := range []string{"nl", "en"} {
			t.Run(kind+"/"+locale, func(t *testing.T) { check(t, letter.Sample(kind, locale, noon)) })
		}
	}
}

// parsed is an HTML part taken apart.
type parsed struct {
	text  string // of the body, blanks folded
	hrefs []string
	nodes []*html.Node
}

func parse(t testing.TB, source string) parsed {
	t.Helper()
	root, err := html.Parse(strings.NewReader(source))
	if err != nil {
		t.Fatal(err)
	}
	var p parsed
	var text strings.Builder
	for n := range root.Descendants() {
		p.nodes = append(p.nodes, n)
		if n.Type == html.TextNode && !inside(n, "head") {
			text.WriteString(" " + n.Data)
		}
		if href := attr(n, "href"); href != "" {
			p.hrefs = append(p.hrefs, href)
		}
	}
	p.text = strings.Join(strings.Fields(text.String()), " ")
	return p
}

func inside(n *html.Node, name string) bool {
	for up := range n.Ancestors() {
		if up.Data == name {
			return true
		}
	}
	return false
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// urls are the addresses that a mail program would make clickable in a text.
func urls(text string) []string {
	var found []string
	for word := range strings.FieldsSeq(text) {
		if strings.Contains(word, "://") {
			found = append(found, word)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}
