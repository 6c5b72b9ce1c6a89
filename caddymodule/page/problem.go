package page

import "github.com/cliendo/gateway/caddymodule/cause"

// problem is what the "summary" of layout.html says above a form. The body of a
// page that shows it has it embedded.
type problem struct {
	Error            bool
	Title, Text, Way string
	Hints            []string
}

// problem words a cause on one page; none where nothing is the matter. Some causes
// read otherwise where a form is right below: under "<page>.<cause>".
func (p *Renderer) problem(locale, page string, c cause.Cause, hints []string, suggestion string) (m problem) {
	if c == cause.None {
		return m
	}
	m.Error = true
	m.Title, m.Text, m.Way = p.causeWords(locale, c, "")
	p.reword(locale, page+"."+string(c), &m)
	for _, id := range hints {
		if id == hintMailDomain && suggestion == "" {
			continue
		}
		m.Hints = append(m.Hints, p.Text(locale, id, "suggestion", suggestion))
	}
	return m
}

// reword takes those words that there are under an id in place of the usual ones.
func (p *Renderer) reword(locale, id string, m *problem) {
	for part, words := range map[string]*string{".title": &m.Title, ".text": &m.Text, ".way": &m.Way} {
		if p.words.has(locale, id+part) {
			*words = p.Text(locale, id+part)
		}
	}
}
