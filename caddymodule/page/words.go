package page

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
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

// form picks the text for n things in the given language.
func (s sentence) form(tag language.Tag, n int) string {
	if s.forms == nil {
		return s.text
	}
	if text, ok := s.forms[formNames[plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0)]]; ok {
		return text
	}
	return s.forms["other"]
}

// catalogue holds the sentences by locale and id.
type catalogue map[string]map[string]sentence

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
	words := catalogue{}
	for _, name := range append(names, below...) {
		raw, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("words: %w", err)
		}
		var sentences map[string]sentence
		if err := json.Unmarshal(raw, &sentences); err != nil {
			return nil, fmt.Errorf("words: reading %s: %w", name, err)
		}
		if err := words.add(strings.TrimSuffix(path.Base(name), ".json"), sentences); err != nil {
			return nil, fmt.Errorf("words: %s: %w", name, err)
		}
	}
	return words, words.check()
}

func (c catalogue) add(locale string, sentences map[string]sentence) error {
	if c[locale] == nil {
		c[locale] = map[string]sentence{}
	}
	for id, s := range sentences {
		if _, double := c[locale][id]; double {
			return fmt.Errorf("%q stands in another file already: say it once", id)
		}
		c[locale][id] = s
	}
	return nil
}

func (c catalogue) check() error {
	for locale, own := range c {
		if _, err := language.Parse(locale); err != nil {
			return fmt.Errorf("words/%s.json: the name is no language: %w", locale, err)
		}
		for other, theirs := range c {
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
	_, ok := c[locale][id]
	return ok
}

// text fills the sentence with pairs of name and value. An unknown id comes
// back as it is: a page with an odd word beats no page.
func (c catalogue) text(locale, id string, args ...any) string {
	s, ok := c[locale][id]
	if !ok {
		return id
	}
	n, pairs := 0, make([]string, 0, len(args))
	for i := 0; i+1 < len(args); i += 2 {
		name := fmt.Sprint(args[i])
		if count, isInt := args[i+1].(int); isInt && name == "n" {
			n = count
		}
		pairs = append(pairs, "{"+name+"}", fmt.Sprint(args[i+1]))
	}
	text := s.text
	if s.forms != nil {
		text = s.form(language.Make(locale), n)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
