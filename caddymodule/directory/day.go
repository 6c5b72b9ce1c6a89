package directory

import (
	"slices"
	"sync"
	"time"
	_ "time/tzdata" // the default zone must exist on machines without zone files
)

// DefaultZone is where days begin and end when nothing else is configured.
const DefaultZone = "Europe/Amsterdam"

// DefaultLocation returns the location of DefaultZone.
var DefaultLocation = sync.OnceValue(func() *time.Location {
	loc, err := time.LoadLocation(DefaultZone)
	if err != nil {
		return time.UTC // cannot happen: the zones are linked in
	}
	return loc
})

// startOfDay returns the moment from which it is day (as "2006-01-02") or later
// in loc. Days need not begin at midnight, nor last 24 hours, nor exist.
func startOfDay(day string, loc *time.Location) (time.Time, bool) {
	d, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return time.Time{}, false
	}
	// Walk back from noon over the changes of the clock, until midnight lies in
	// the stretch or the change itself jumped over it.
	for t := time.Date(d.Year(), d.Month(), d.Day(), 12, 0, 0, 0, loc); ; {
		_, offset := t.Zone()
		midnight := d.Add(-time.Duration(offset) * time.Second).In(loc)
		change, _ := t.ZoneBounds()
		if change.IsZero() || !change.After(midnight) {
			return midnight, true
		}
		before := change.Add(-time.Nanosecond)
		if before.Format(time.DateOnly) < day {
			return change, true
		}
		t = before
	}
}

// EndOfDay returns the first moment after a day, given as "2006-01-02", where
// the rules apply; false when it is no day.
func (r Rules) EndOfDay(day string) (time.Time, bool) {
	return endOfDay(day, r.withDefaults().Location)
}

// endOfDay returns the first moment after day.
func endOfDay(day string, loc *time.Location) (time.Time, bool) {
	d, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return time.Time{}, false
	}
	return startOfDay(d.AddDate(0, 0, 1).Format(time.DateOnly), loc)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
