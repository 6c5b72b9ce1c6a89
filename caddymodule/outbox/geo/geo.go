// Package geo tells where a network is, in words, from a file of the operator
// in MaxMind's format. It owns no file of its own and asks nobody: without the
// file there is no place.
package geo

import (
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/oschwald/maxminddb-golang/v2"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// Places are those of one file. They are safe for concurrent use.
type Places struct{ db *maxminddb.Reader }

// maxFile bounds what is read. The largest files of cities have a quarter of it.
const maxFile = 512 << 20

// sample is how many networks may have no place before a file counts as one about
// something else.
const sample = 1000

var errNoPlaces = errors.New("it holds no places; a file of cities or countries is needed")

// Open reads a file. It is kept in memory: a mapped file that somebody overwrites
// would end the process.
func Open(file string) (*Places, error) {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading places: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("reading places: %s is no file", file)
	case info.Size() > maxFile:
		return nil, fmt.Errorf("reading places: %s is larger than %d MiB", file, maxFile>>20)
	}
	raw, err := os.ReadFile(file) //nolint:gosec // the operator names it
	if err != nil {
		return nil, fmt.Errorf("reading places: %w", err)
	}
	db, err := maxminddb.OpenBytes(raw)
	if err != nil {
		return nil, fmt.Errorf("reading places: %s is not in MaxMind's format, or not whole: %w", file, err)
	}
	p := &Places{db}
	if err := p.try(); err != nil {
		return nil, fmt.Errorf("reading places: %s: %w", file, err)
	}
	return p, nil
}

// try looks for a first place, so that a file about something else is told at the
// start and not by mails that lack a line.
func (p *Places) try() error {
	seen := 0
	for found := range p.db.Networks() {
		r, err := read(found)
		if err != nil {
			return err
		}
		if r.say("en") != "" {
			return nil
		}
		if seen++; seen == sample {
			break
		}
	}
	return errNoPlaces
}

// record is what we look at of an entry.
type record struct {
	City    named `maxminddb:"city"`
	Country named `maxminddb:"country"`
}

type named struct {
	Code  string            `maxminddb:"iso_code"`
	Names map[string]string `maxminddb:"names"`
}

func read(found maxminddb.Result) (r record, err error) {
	if err := found.Decode(&r); err != nil {
		return record{}, fmt.Errorf("reading a place: %w", err)
	}
	return r, nil
}

// Of returns where a network is, for somebody who reads locale; nothing where the
// file does not know. A network is written like 192.0.2.1/32.
func (p *Places) Of(network, locale string) string {
	prefix, err := netip.ParsePrefix(network)
	if err != nil {
		return ""
	}
	r, err := read(p.db.Lookup(prefix.Addr()))
	if err != nil {
		return "" // a mail without its place is better than none
	}
	return r.say(locale)
}

// say puts a place into words. The files that there are have no Dutch: cities
// are called what they call them in English then, and countries by our own list.
func (r record) say(locale string) string {
	city, country := r.City.Names[locale], r.Country.Names[locale]
	if city == "" {
		city = r.City.Names["en"]
	}
	if country == "" {
		country = r.Country.name(locale)
	}
	switch {
	case city == "" || country == "":
		return city + country
	default:
		return city + ", " + country
	}
}

func (n named) name(locale string) string {
	region, err := language.ParseRegion(n.Code)
	if err != nil {
		return n.Names["en"]
	}
	namer := display.Regions(language.Make(locale))
	if namer == nil {
		return n.Names["en"]
	}
	return namer.Name(region)
}
