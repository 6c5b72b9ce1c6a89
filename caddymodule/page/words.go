package page

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"sort"
	"strings"
	"sync"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"

	"github.com/cliendo/gateway/assets"
)

// sentence is one entry of a word file: a plain text, or one text per plural
// form of the number {n}.
type sentence struct {
	text  string
	forms map[string]string
}

func (s *sentence) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '{' {
		return json.Unmarshal(raw, &s.forms)
	}
	return json.Unmarshal(raw, &s.text)
}

var formNames = map[plural.Form]string{
	plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many",
}

// catalogue holds the sentences by locale and id.
type catalogue map[string]*lexicon

// lexicon is the sentences of one locale in one piece: thousands of small ones
// would be looked through at each collection of garbage, on behalf of requests
// that show no page.
type lexicon struct {
	tag  language.Tag
	text string   // ids, each with its sentence, in the order of the ids
	at   []uint32 // where an id begins, where its sentence does, where the next id begins, ...
}

// formMark stands between the id of a sentence and the plural form that a text
// is. It sorts before all that ids are made of.
const formMark = "\x00"

func newLexicon(tag language.Tag, sentences map[string]sentence) *lexicon {
	flat := make(map[string]string, len(sentences))
	for id, s := range sentences {
		if s.forms == nil {
			flat[id] = s.text
		}
		for form, text := range s.forms {
			flat[id+formMark+form] = text
		}
	}
	l, all := &lexicon{tag: tag, at: make([]uint32, 0, 2*len(flat)+1)}, strings.Builder{}
	end := func() { l.at = append(l.at, uint32(all.Len())) } //nolint:gosec // word files are not that long
	end()
	for _, id := range slices.Sorted(maps.Keys(flat)) {
		all.WriteString(id)
		end()
		all.WriteString(flat[id])
		end()
	}
	l.text = strings.Clone(all.String())
	return l
}

// find returns the text of an id, or of one form of it.
func (l *lexicon) find(id string) (string, bool) {
	n := len(l.at) / 2
	i := sort.Search(n, func(i int) bool { return l.text[l.at[2*i]:l.at[2*i+1]] >= id })
	if i == n || l.text[l.at[2*i]:l.at[2*i+1]] != id {
		return "", false
	}
	return l.text[l.at[2*i+1]:l.at[2*i+2]], true
}

// sentence returns the text of an id for n things.
func (l *lexicon) sentence(id string, n int) (string, bool) {
	if text, ok := l.find(id); ok {
		return text, true
	}
	form := formNames[plural.Cardinal.MatchPlural(l.tag, n, 0, 0, 0, 0)]
	if text, ok := l.find(id + formMark + form); ok {
		return text, true
	}
	return l.find(id + formMark + "other")
}

// words are those that come with the program. All sites have them in common.
var words = sync.OnceValues(func() (catalogue, error) { return loadWords(assets.Files) })

// loadWords reads words/<locale>.json of files and those in folders below, and
// refuses files that are not equally complete: half a flow in another language
// loses people. A sentence stands in one file only.
func loadWords(files fs.FS) (catalogue, error) {
	names, err := fs.Glob(files, "words/*.json")
	if len(names) == 0 && err == nil {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, fmt.Errorf("words: no file words/*.json: %w", err)
	}
	below, err := fs.Glob(files, "words/*/*.json")
	if err != nil {
		return nil, fmt.Errorf("words: %w", err)
	}
	all := map[string]map[string]sentence{}
	for _, name := range append(names, below...) {
		raw, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("words: %w", err)
		}
		var sentences map[string]sentence
		if err := json.Unmarshal(raw, &sentences); err != nil {
			return nil, fmt.Errorf("words: reading %s: %w", name, err)
		}
		if err := add(all, strings.TrimSuffix(path.Base(name), ".json"), sentences); err != nil {
			return nil, fmt.Errorf("words: %s: %w", name, err)
		}
	}
	c := catalogue{}
	for locale, sentences := range all {
		tag, err := language.Parse(locale)
		if err != nil {
			return nil, fmt.Errorf("words/%s.json: the name is no language: %w", locale, err)
		}
		c[locale] = newLexicon(tag, sentences)
	}
	return c, check(all)
}

func add(all map[string]map[string]sentence, locale string, sentences map[string]sentence) error {
	if all[locale] == nil {
		all[locale] = map[string]sentence{}
	}
	for id, s := range sentences {
		if _, double := all[locale][id]; double {
			return fmt.Errorf("%q stands in another file already: say it once", id)
		}
		all[locale][id] = s
	}
	return nil
}

func check(all map[string]map[string]sentence) error {
	for locale, own := range all {
		for other, theirs := range all {
			for id := range theirs {
				if _, ok := own[id]; !ok {
					return fmt.Errorf("words/%s.json lacks %q, which words/%s.json has: translate it", locale, id, other)
				}
			}
		}
		for id, s := range own {
			if s.forms != nil && s.forms["other"] == "" || s.forms == nil && s.text == "" {
				return fmt.Errorf("words/%s.json: %q is empty or has no form \"other\"", locale, id)
			}
		}
	}
	return nil
}

// locales lists what we speak, in a stable order.
func (c catalogue) locales() []string {
	all := make([]string, 0, len(c))
	for locale := range c {
		all = append(all, locale)
	}
	slices.Sort(all)
	return all
}

func (c catalogue) has(locale, id string) bool {
	_, ok := c.sentence(locale, id, 0)
	return ok
}

func (c catalogue) sentence(locale, id string, n int) (string, bool) {
	if l := c[locale]; l != nil {
		return l.sentence(id, n)
	}
	return "", false
}

// text fills the sentence with pairs of name and value. An unknown id comes
// back as it is: a page with an odd word beats no page.
func (c catalogue) text(locale, id string, args ...any) string {
	n := 0
	for i := 0; i+1 < len(args); i += 2 {
		if count, isInt := args[i+1].(int); isInt && args[i] == "n" {
			n = count
		}
	}
	text, ok := c.sentence(locale, id, n)
	if !ok {
		return id
	}
	return fill(text, args)
}

// fill writes values in the place of their names in braces. What stands in braces
// and has no value stays, as do braces that a value brings along.
func fill(text string, args []any) string {
	if len(args) == 0 || !strings.Contains(text, "{") {
		return text
	}
	var out strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "{")
		out.WriteString(before)
		if !ok {
			return out.String()
		}
		if name, after, ok := strings.Cut(rest, "}"); ok {
			if value, ok := named(args, name); ok {
				fmt.Fprint(&out, value)
				text = after
				continue
			}
		}
		out.WriteByte('{')
		text = rest
	}
}

func named(args []any, name string) (any, bool) {
	for i := 0; i+1 < len(args); i += 2 {
		if args[i] == name {
			return args[i+1], true
		}
	}
	return nil, false
}
