package page_test

import (
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cliendo/gateway/caddymodule/page"
)

func fetch(p renderer, method, address string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	p.Assets().ServeHTTP(w, httptest.NewRequest(method, address, http.NoBody))
	return w
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// luminance of "#rrggbb" as WCAG 2 has it, written apart from the code under test.
func luminance(t *rapid.T, hex string) float64 {
	value, err := strconv.ParseUint(strings.TrimPrefix(hex, "#"), 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for i, weight := range []float64{0.0722, 0.7152, 0.2126} {
		part := float64(value>>(8*i)&0xff) / 255
		if part <= 0.04045 {
			part /= 12.92
		} else {
			part = math.Pow((part+0.055)/1.055, 2.4)
		}
		sum += weight * part
	}
	return sum
}

// TestButtonTextIsReadable holds for every colour, also under the pointer.
func TestButtonTextIsReadable(t *testing.T) {
	sheet := regexp.MustCompile(`--brand:(#\w{6});--brand-ink:(#\w{6});--brand-hover:(#\w{6})`)
	rapid.Check(t, func(r *rapid.T) {
		colour := "#" + rapid.StringMatching(`[0-9a-fA-F]{6}`).Draw(r, "colour")
		p, err := page.New(page.Options{Brand: page.Brand{Colour: colour}})
		if err != nil {
			r.Fatal(err)
		}
		found := sheet.FindStringSubmatch(fetch(p, http.MethodGet, "/gateway/assets/brand-0.css").Body.String())
		if found == nil || !strings.EqualFold(found[1], colour) {
			r.Fatalf("sheet %q", found)
		}
		for _, ground := range []string{found[1], found[3]} {
			a, b := luminance(r, ground), luminance(r, found[2])
			if contrast := (max(a, b) + 0.05) / (min(a, b) + 0.05); contrast < 4.5 {
				r.Fatalf("contrast %.2f of %s on %s", contrast, found[2], ground)
			}
		}
	})
}

func TestLogoAndStylesheet(t *testing.T) {
	p := newPages(t, func(o *page.Options) {
		o.Prefix = "/inlog"
		o.Brand.Logo = write(t, "Logo.SVG", `<svg xmlns="http://www.w3.org/2000/svg"/>`)
		o.Brand.Stylesheet = write(t, "own.css", `:root{--paper:#eee}`)
	})
	d := open(t, p, states()[0], "/inlog/login")
	logo := d.one(t, "img", "alt", "De Praktijk")
	w := fetch(p, http.MethodGet, get(logo, "src"))
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "image/svg+xml" || !strings.Contains(w.Header().Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("logo: status %d, headers %v", w.Code, w.Header())
	}
	sheets := d.all("link", "rel", "stylesheet")
	last := get(sheets[len(sheets)-1], "href")
	if w := fetch(p, http.MethodGet, last); w.Body.String() != `:root{--paper:#eee}` {
		t.Errorf("the last sheet %s is not the operator's: %q", last, w.Body)
	}
}

func TestSupportBlock(t *testing.T) {
	d := open(t, newPages(t), states()[2], "/gateway/login")
	for _, want := range []string{
		"tel:0301234567", "mailto:help@praktijk.test?subject=Inloggen%20lukt%20niet%20%28referentie%20K7Q-4MD%29",
		"https://praktijk.test/help", "https://praktijk.test/afspraak",
	} {
		d.one(t, "a", "href", want)
	}
	plain := newPages(t, func(o *page.Options) { o.Brand = page.Brand{} })
	if d := open(t, plain, states()[0], "/gateway/login"); len(d.all("footer")) != 0 || text(d.one(t, "title")) != "Inloggen | Cliendo" {
		t.Error("without a brand the page has an empty footer or no name")
	}
}

func TestBrokenOptions(t *testing.T) {
	big := write(t, "big.png", strings.Repeat("x", 300<<10))
	for _, tc := range []struct {
		name   string
		change func(*page.Options)
		want   string
	}{
		{"colour", func(o *page.Options) { o.Brand.Colour = "orange" }, `"orange": write it like #e8590c`},
		{"colour with code", func(o *page.Options) { o.Brand.Colour = "#fff;}a{" }, "write it like"},
		{"logo missing", func(o *page.Options) { o.Brand.Logo = "/nowhere/logo.png" }, "check the path"},
		{"logo kind", func(o *page.Options) { o.Brand.Logo = "logo.bmp" }, "use an svg, png"},
		{"logo size", func(o *page.Options) { o.Brand.Logo = big }, "at most 256 KiB"},
		{"logo folder", func(o *page.Options) { o.Brand.Stylesheet = t.TempDir() }, "must be a file"},
		{"mail", func(o *page.Options) { o.Brand.SupportMail = "Help <help@x.test>" }, "plain address"},
		{"phone", func(o *page.Options) { o.Brand.SupportPhone = "call us" }, "no number"},
		{"script URL", func(o *page.Options) { o.Brand.SupportURL = "javascript:alert(1)" }, "begins with https://"},
		{"data URL", func(o *page.Options) { o.Brand.AppointmentURL = "data:text/html,x" }, "begins with https://"},
		{"URL without scheme", func(o *page.Options) { o.Brand.AppointmentURL = "//evil.test" }, "begins with https://"},
		{"locale", func(o *page.Options) { o.Locale = "it" }, "choose one of en, nl"},
		{"prefix", func(o *page.Options) { o.Prefix = "gateway/" }, "one slash in front"},
		{"form target", func(o *page.Options) { o.FormTargets = []string{"https://x.test; script-src *"} }, "write an origin"},
	} {
		o := page.Options{}
		tc.change(&o)
		if _, err := page.New(o); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
}

func TestFormTargets(t *testing.T) {
	p := newPages(t, func(o *page.Options) { o.FormTargets = []string{"https://app.example.com"} })
	h := http.Header{}
	p.SecurityHeaders(h)
	if !strings.Contains(h.Get("Content-Security-Policy"), "form-action 'self' https://app.example.com;") {
		t.Error(h.Get("Content-Security-Policy"))
	}
}

func TestAssets(t *testing.T) {
	p := newPages(t)
	for _, tc := range []struct {
		method, address string
		status          int
		cache           string
	}{
		{http.MethodGet, "/gateway/assets/gateway-0000000000000000.css", http.StatusOK, "no-store"}, // of another version
		{http.MethodHead, "/gateway/assets/gateway.css", http.StatusOK, "no-store"},
		{http.MethodGet, "/gateway/assets/", http.StatusNotFound, ""},
		{http.MethodGet, "/gateway/assets/../../etc/passwd", http.StatusNotFound, ""},
		{http.MethodGet, "/gateway/assets/words/nl.json", http.StatusNotFound, ""},
		{http.MethodPost, "/gateway/assets/gateway.css", http.StatusMethodNotAllowed, ""},
	} {
		w := fetch(p, tc.method, tc.address)
		if w.Code != tc.status || tc.cache != "" && w.Header().Get("Cache-Control") != tc.cache || w.Header().Get("X-Login-Gateway") != "1" {
			t.Errorf("%s %s: status %d, headers %v", tc.method, tc.address, w.Code, w.Header())
		}
		if w.Code != http.StatusOK && strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s %s: a failure is cached for ever", tc.method, tc.address)
		}
	}
}
