// Package phrase is what one package has to say and another shows, perhaps in another
// language: a sentence in English, with values in braces. The English is what the
// translation is found by, as gettext does it, so a sentence stands where it is said
// and nowhere twice. Whoever has words says it in them; on a terminal it is English.
package phrase

import (
	"fmt"
	"strings"
)

// Prefix begins the ids of phrases among the words.
const Prefix = "said: "

// Phrase is a sentence, or a clause of one.
type Phrase struct {
	Text   string // like "there is no scheme {scheme}"
	Values []any  // name, value, name, value
}

// Of returns a phrase.
func Of(text string, values ...any) Phrase { return Phrase{text, values} }

// String returns it in English.
func (p Phrase) String() string {
	pairs := make([]string, 0, len(p.Values))
	for i := 0; i+1 < len(p.Values); i += 2 {
		pairs = append(pairs, fmt.Sprintf("{%v}", p.Values[i]), fmt.Sprint(p.Values[i+1]))
	}
	return strings.NewReplacer(pairs...).Replace(p.Text)
}

// Say returns it in the words of say, which gives an id back that it does not know.
// What is a phrase among the values is said in those words too.
func (p Phrase) Say(say func(id string, values ...any) string) string {
	if p.Text == "" {
		return ""
	}
	values := make([]any, len(p.Values))
	for i, v := range p.Values {
		if inner, ok := v.(Phrase); ok {
			v = inner.Say(say)
		}
		values[i] = v
	}
	if said := say(Prefix+p.Text, values...); said != Prefix+p.Text {
		return said
	}
	return Phrase{p.Text, values}.String()
}
