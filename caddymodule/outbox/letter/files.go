package letter

import (
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/cliendo/gateway/assets"
)

// maxFile bounds a file of the operator: a mail that weighs more is cut by the
// programs that show it.
const maxFile = 64 << 10

// names are the files that letters are made of: words of each language, the two
// frames, and the body of each kind, which is the same for text and HTML so that
// both say the same.
func names() []string {
	all := append(make([]string, 0, 16), "layout.html", "layout.txt")
	for _, locale := range locales {
		all = append(all, locale+".json")
	}
	for _, kind := range Kinds() {
		all = append(all, kind+".tmpl")
	}
	return all
}

// set is the source of the letters, and what was made of it.
type set struct {
	sources map[string]string
	words   words
	text    map[string]map[string]*template.Template // by locale and kind
	html    map[string]map[string]*htmltemplate.Template
}

// ours reads the files that come with the program.
func (r *Renderer) ours() (*set, error) {
	s := &set{sources: map[string]string{}, words: words{}}
	for _, name := range names() {
		raw, err := fs.ReadFile(assets.Files, "mail/"+name)
		if err != nil {
			return nil, err
		}
		if err := s.add(name, raw); err != nil {
			return nil, fmt.Errorf("mail/%s: %w", name, err)
		}
	}
	return s, s.parse(r)
}

func (s *set) add(name string, raw []byte) error {
	if locale, ok := strings.CutSuffix(name, ".json"); ok {
		return s.words.read(locale, raw)
	}
	s.sources[name] = string(raw)
	return nil
}

// with returns the set with one file replaced; s stays as it is.
func (s *set) with(r *Renderer, name string, raw []byte) (*set, error) {
	changed := &set{sources: map[string]string{}, words: s.words.clone()}
	for n, source := range s.sources {
		changed.sources[n] = source
	}
	if err := changed.add(name, raw); err != nil {
		return nil, err
	}
	for locale, own := range changed.words {
		for id := range own {
			if _, known := s.words[locale][id]; !known {
				return nil, fmt.Errorf("%q: %w: see assets/mail/%s", id, errNoWord, name)
			}
		}
	}
	return changed, changed.parse(r)
}

// parse makes the templates, once per language with its words bound in, and
// writes every kind with made-up data.
func (s *set) parse(r *Renderer) error {
	if err := s.words.check(); err != nil {
		return err
	}
	s.text, s.html = map[string]map[string]*template.Template{}, map[string]map[string]*htmltemplate.Template{}
	for _, locale := range locales {
		s.text[locale], s.html[locale] = map[string]*template.Template{}, map[string]*htmltemplate.Template{}
		funcs := r.funcs(s.words, locale)
		for _, kind := range Kinds() {
			body := s.sources[kind+".tmpl"]
			text, err := template.New("layout.txt").Funcs(funcs).Parse(s.sources["layout.txt"])
			if err == nil {
				_, err = text.New(kind).Parse(body)
			}
			if err != nil {
				return err
			}
			html, err := htmltemplate.New("layout.html").Funcs(funcs).Parse(s.sources["layout.html"])
			if err == nil {
				_, err = html.New(kind).Parse(body)
			}
			if err != nil {
				return err
			}
			s.text[locale][kind], s.html[locale][kind] = text, html
		}
	}
	return r.rehearse(s)
}

// override puts the operator's files in place, one by one: one that is broken
// leaves ours where it is.
func (r *Renderer) override(s *set) (*set, error) {
	if r.options.Dir == "" {
		return s, nil
	}
	entries, err := os.ReadDir(r.options.Dir)
	if err != nil {
		return nil, fmt.Errorf("folder of mail templates: %w: check the path and that the gateway may read it", err)
	}
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() || strings.HasPrefix(name, ".") {
			continue
		}
		changed, err := r.replace(s, name)
		if err != nil {
			r.options.Log.Warn("a mail template cannot be used, ours is used instead",
				"file", filepath.Join(r.options.Dir, name), "error", err)
			continue
		}
		s = changed
	}
	return s, nil
}

var errUnknownFile = errors.New("no mail template has this name")

func (r *Renderer) replace(s *set, name string) (*set, error) {
	if !slices.Contains(names(), name) {
		return nil, fmt.Errorf("%w: choose one of %s", errUnknownFile, strings.Join(names(), ", "))
	}
	path := filepath.Join(r.options.Dir, name)
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("must be a file of at most %d KiB", maxFile>>10)
	}
	raw, err := os.ReadFile(path) //nolint:gosec // the operator names the folder
	if err != nil {
		return nil, err
	}
	return s.with(r, name, raw)
}
