package geo_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/maxmind/mmdbwriter/mmdbtype"

	"github.com/cliendo/gateway/caddymodule/outbox/geo"
	"github.com/cliendo/gateway/caddymodule/outbox/geo/geotest"
)

func names(pairs ...string) mmdbtype.Map {
	m := mmdbtype.Map{}
	for i := 0; i < len(pairs); i += 2 {
		m[mmdbtype.String(pairs[i])] = mmdbtype.String(pairs[i+1])
	}
	return mmdbtype.Map{"names": m}
}

func country(code string, pairs ...string) mmdbtype.Map {
	m := names(pairs...)
	if code != "" {
		m["iso_code"] = mmdbtype.String(code)
	}
	return m
}

func TestAPlaceInTheLanguageOfTheReader(t *testing.T) {
	p, err := geo.Open(geotest.Write(t, map[string]mmdbtype.Map{
		"81.2.69.0/24":         {"city": names("en", "The Hague"), "country": country("NL", "en", "Netherlands")},
		"81.2.70.0/24":         {"city": names("en", "The Hague", "nl", "Den Haag"), "country": country("NL", "en", "Netherlands", "nl", "Holland")},
		"81.2.71.0/24":         {"country": country("BE", "en", "Belgium")},
		"81.2.72.0/24":         {"city": names("en", "Nowhere")},
		"81.2.73.0/24":         {"country": country("", "en", "Somewhere")},
		"81.2.74.0/24":         {"country": country("!!", "en", "Somewhere")},
		"81.2.75.0/24":         {"postal": names("en", "1234")},
		"2a02:100:0:1::/64":    {"city": names("en", "Ghent"), "country": country("BE", "en", "Belgium")},
		"2a02:200::/32":        {"city": mmdbtype.Map{"names": mmdbtype.String("not a map")}},
		"2a02:300:0:f000::/52": {"country": mmdbtype.Map{"iso_code": mmdbtype.Uint32(7)}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ network, nl, en string }{
		{"81.2.69.160/32", "The Hague, Nederland", "The Hague, Netherlands"},
		{"81.2.70.1/32", "Den Haag, Holland", "The Hague, Netherlands"},
		{"81.2.71.1/32", "Belgi\u00eb", "Belgium"},
		{"81.2.72.1/32", "Nowhere", "Nowhere"},
		{"81.2.73.1/32", "Somewhere", "Somewhere"},
		{"81.2.74.1/32", "Somewhere", "Somewhere"},
		{"81.2.75.1/32", "", ""},
		{"2a02:100:0:1::/64", "Ghent, Belgi\u00eb", "Ghent, Belgium"},
		{"2a02:100:0:2::/64", "", ""},
		{"2a02:200::/64", "", ""},
		{"2a02:300:0:f000::/64", "", ""},
		{"10.0.0.1/32", "", ""},
		{"127.0.0.1/32", "", ""},
		{"::/64", "", ""},
		{"", "", ""},
		{"81.2.69.160", "", ""},
		{"not a network", "", ""},
	} {
		for locale, want := range map[string]string{"nl": c.nl, "en": c.en} {
			if got := p.Of(c.network, locale); got != want {
				t.Errorf("%s in %s: %q, want %q", c.network, locale, got, want)
			}
		}
		if got := p.Of(c.network, "no such language"); strings.Contains(got, "Nederland") {
			t.Errorf("%s in no language: %q", c.network, got)
		}
	}
}

func TestAFileThatIsOfNoUseIsToldAtTheStart(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, content []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	whole, err := os.ReadFile(geotest.Write(t, map[string]mmdbtype.Map{"81.2.69.0/24": {"country": country("NL")}}))
	if err != nil {
		t.Fatal(err)
	}
	for file, says := range map[string]string{
		filepath.Join(dir, "none.mmdb"):             "no such file",
		dir:                                         "is no file",
		put("empty", nil):                           "MaxMind's format",
		put("text", []byte("Utrecht")):              "MaxMind's format",
		put("cut", whole[:len(whole)/2]):            "MaxMind's format",
		geotest.Write(t, map[string]mmdbtype.Map{}): "no places",
		geotest.Write(t, map[string]mmdbtype.Map{"81.2.69.0/24": {"autonomous_system_number": mmdbtype.Uint32(7)}}): "no places",
		geotest.Write(t, map[string]mmdbtype.Map{"81.2.69.0/24": {"country": mmdbtype.String("NL")}}):               "reading a place",
	} {
		if _, err := geo.Open(file); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v; want its name and %q", file, err, says)
		}
	}
}

// Whatever stands in a damaged file, it gives a place or none.
func FuzzADamagedFile(f *testing.F) {
	whole, err := os.ReadFile(geotest.Write(f, map[string]mmdbtype.Map{
		"81.2.69.0/24": {"city": names("en", "The Hague"), "country": country("NL", "en", "Netherlands")},
	}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(0, byte(0))
	for at := range whole {
		f.Add(at, byte(0xff))
	}
	file := filepath.Join(f.TempDir(), "damaged.mmdb")
	f.Fuzz(func(t *testing.T, at int, with byte) {
		damaged := append([]byte(nil), whole...)
		damaged[uint(at)%uint(len(damaged))] ^= with
		if err := os.WriteFile(file, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := geo.Open(file)
		if err != nil {
			return
		}
		for a := netip.MustParseAddr("81.2.68.250"); a.Less(netip.MustParseAddr("81.2.69.5")); a = a.Next() {
			p.Of(a.String()+"/32", "nl")
		}
	})
}
