package letter

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// locales are the languages of mails; there is a file of words for each.
var locales = []string{"nl", "en"}

// words are sentences by locale and id.
type words map[string]map[string]string

// read adds the sentences of a file to those of a locale, or replaces them.
func (w words) read(locale string, raw []byte) error {
	var found map[string]string
	if err := json.Unmarshal(raw, &found); err != nil {
		return fmt.Errorf("no JSON object of texts: %w", err)
	}
	if w[locale] == nil {
		w[locale] = map[string]string{}
	}
	maps.Copy(w[locale], found)
	return nil
}

func (w words) clone() words {
	all := words{}
	for locale, own := range w {
		all[locale] = maps.Clone(own)
	}
	return all
}

var gap = regexp.MustCompile(`\{[a-z]+\}`)

// check wants the same sentences with the same gaps in every language: half a
// mail in another language loses people.
func (w words) check() error {
	for _, locale := range locales {
		for id, text := range w[locale] {
			if strings.TrimSpace(text) == "" || strings.ContainsAny(text, "\r\n") {
				return fmt.Errorf("%s.json: %q is empty or has more than one line", locale, id)
			}
			for _, other := range locales {
				theirs, ok := w[other][id]
				if !ok {
					return fmt.Errorf("%s.json lacks %q, which %s.json has: translate it", other, id, locale)
				}
				if !strings.HasPrefix(id, "time.") && !slices.Equal(gaps(text), gaps(theirs)) {
					return fmt.Errorf("%q has other gaps in %s.json than in %s.json", id, locale, other)
				}
			}
		}
		if len(strings.Fields(w[locale]["time.weekdays"])) != 7 || len(strings.Fields(w[locale]["time.months"])) != 12 {
			return fmt.Errorf("%s.json: time.weekdays and time.months must be 7 and 12 words", locale)
		}
	}
	return nil
}

func gaps(text string) []string {
	found := gap.FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

var errNoWord = errors.New("no such text")

// text fills a sentence with pairs of gap and value.
func (w words) text(locale, id string, pairs ...string) (string, error) {
	text, ok := w[locale][id]
	if !ok {
		return "", fmt.Errorf("%s.json: %q: %w", locale, id, errNoWord)
	}
	filled := make([]string, len(pairs))
	for i, p := range pairs {
		if i%2 == 0 {
			p = "{" + p + "}"
		}
		filled[i] = p
	}
	return strings.NewReplacer(filled...).Replace(text), nil
}

// moment words a time: the clock, with the day where it is not that of now or
// where a day is wanted anyway.
func (w words) moment(locale string, at, now time.Time, zone *time.Location, day bool) string {
	if at.IsZero() {
		return ""
	}
	at, now = at.In(zone), now.In(zone)
	id := "time.today"
	if y, d := at.Year(), at.YearDay(); day || y != now.Year() || d != now.YearDay() {
		id = "time.day"
	}
	abbreviation, _ := at.Zone()
	text, _ := w.text(locale, id, // check saw to it that it is there
		"clock", at.Format("15:04"), "zone", abbreviation, "day", fmt.Sprint(at.Day()),
		"weekday", strings.Fields(w[locale]["time.weekdays"])[at.Weekday()],
		"month", strings.Fields(w[locale]["time.months"])[at.Month()-1])
	return text
}

// device words a browser and its system, which are kept as "Firefox / Linux".
func (w words) device(locale, agent string) string {
	browser, system, both := strings.Cut(agent, " / ")
	if !both {
		return agent
	}
	text, _ := w.text(locale, "device", "browser", browser, "system", system) // check saw to it that it is there
	return text
}
