package page

import (
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
)

// keptSets is how many parsed pages are kept. All of them are ten megabytes of small
// pieces for each site, which the garbage collector would go through while requests
// pass that show no page at all; parsing one anew takes about a millisecond.
const keptSets = 24

// set names a page in a language, with the frame that it stands in.
type set struct {
	locale, name string
	admin        bool
}

// sets are the templates of pages, parsed when they are shown and kept while they
// are among the last that were.
type sets struct {
	parse func(set) (*template.Template, error)

	mu   sync.Mutex
	most int // 0: keep all
	kept []parsedSet
}

type parsedSet struct {
	set
	*template.Template
}

// get returns a page. Two at once may both parse it.
func (s *sets) get(wanted set) (*template.Template, error) {
	s.mu.Lock()
	at := slices.IndexFunc(s.kept, func(k parsedSet) bool { return k.set == wanted })
	if at >= 0 {
		found := s.kept[at]
		copy(s.kept[1:at+1], s.kept[:at])
		s.kept[0] = found
		s.mu.Unlock()
		return found.Template, nil
	}
	s.mu.Unlock()
	parsed, err := s.parse(wanted)
	if err != nil {
		return nil, fmt.Errorf("template %s: %w", wanted.name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = slices.Insert(s.kept, 0, parsedSet{wanted, parsed})
	if s.most > 0 && len(s.kept) > s.most {
		clear(s.kept[s.most:])
		s.kept = s.kept[:s.most]
	}
	return parsed, nil
}

// settle forgets what was parsed to see whether it can be, and keeps no more than
// most from now on.
func (s *sets) settle(most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.most, s.kept = most, make([]parsedSet, 0, most+1)
}

// parser parses pages with the words of their language bound in.
func (p *Renderer) parser(files fs.FS) func(set) (*template.Template, error) {
	return func(s set) (*template.Template, error) {
		all := []string{"pages/layout.html", proveFile, keyFile, "pages/" + s.name + ".html"}
		if s.admin {
			all = []string{adminFrame, adminParts, proveFile, keyFile, "pages/admin/" + s.name + ".html"}
		}
		t, err := template.New(path.Base(all[0])).Funcs(p.funcs(s.locale)).ParseFS(files, all...)
		if err != nil {
			return nil, fmt.Errorf("parsing it: %w", err)
		}
		return t, p.spell(t, s.locale)
	}
}

// parseAll parses each page in each language, so that what is broken is known.
func (p *Renderer) parseAll(files fs.FS) error {
	admin, err := fs.Glob(files, "pages/admin/*.html")
	if err != nil {
		return fmt.Errorf("looking for templates: %w", err)
	}
	for _, locale := range p.words.locales() {
		for _, name := range templates {
			if _, err := p.sets.get(set{locale: locale, name: name}); err != nil {
				return err
			}
		}
		for _, file := range admin {
			base := path.Base(file)
			if file == adminFrame || strings.HasPrefix(base, "part_") {
				continue
			}
			if _, err := p.sets.get(set{locale: locale, name: strings.TrimSuffix(base, ".html"), admin: true}); err != nil {
				return err
			}
		}
	}
	return nil
}
