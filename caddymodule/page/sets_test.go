package page_test

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/page"
)

// shown are pages enough to push one another out of what is kept.
func shown(p *page.Renderer) map[string]func(w http.ResponseWriter, r *http.Request, locale string) {
	return map[string]func(http.ResponseWriter, *http.Request, string){
		"login": func(w http.ResponseWriter, r *http.Request, l string) { p.Login(w, r, 200, page.Login{Locale: l}) },
		"logout": func(w http.ResponseWriter, r *http.Request, l string) {
			p.Logout(w, r, page.Logout{Locale: l, Name: "A"})
		},
		"help":    func(w http.ResponseWriter, r *http.Request, l string) { p.Help(w, r, page.Help{Locale: l}) },
		"recover": func(w http.ResponseWriter, r *http.Request, l string) { p.Recover(w, r, 200, page.Recover{Locale: l}) },
		"keep":    func(w http.ResponseWriter, r *http.Request, l string) { p.Keep(w, r, page.Keep{Locale: l}) },
		"magic":   func(w http.ResponseWriter, r *http.Request, l string) { p.Magic(w, r, 200, page.Magic{Locale: l}) },
		"framed":  func(w http.ResponseWriter, r *http.Request, l string) { p.Framed(w, r, page.Framed{Locale: l}) },
		"again":   func(w http.ResponseWriter, r *http.Request, l string) { p.Again(w, r, 200, page.Sub{Locale: l}) },
		"stay": func(w http.ResponseWriter, r *http.Request, l string) {
			p.Stay(w, r, 401, page.Stay{Cause: cause.SessionExpired, Login: "/x"})
		},
		"sent": func(w http.ResponseWriter, r *http.Request, l string) {
			p.MagicSent(w, r, 200, page.MagicSent{Locale: l})
		},
		"mailed": func(w http.ResponseWriter, r *http.Request, l string) {
			p.Mailed(w, r, 200, page.Mailed{Locale: l, Kind: page.MailedMagic})
		},
		"second": func(w http.ResponseWriter, r *http.Request, l string) {
			p.SecondStep(w, r, 401, page.SecondStep{Locale: l, Cause: cause.SecondStepFailed, Reason: "wrong"})
		},
		"security": func(w http.ResponseWriter, r *http.Request, l string) {
			p.Security(w, r, 200, page.Security{Locale: l})
		},
		"parked": func(w http.ResponseWriter, r *http.Request, l string) {
			p.Parked(w, r, 200, page.Parked{Locale: l, State: page.FormGone})
		},
	}
}

// Pages that push one another out of memory are the same each time, whoever asks
// for them at once.
func TestPagesAreTheSameEachTime(t *testing.T) {
	p, err := page.New(page.Options{Now: func() time.Time { return time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC) }})
	if err != nil {
		t.Fatal(err)
	}
	pages := shown(p)
	show := func(name, locale string) string {
		w := httptest.NewRecorder()
		pages[name](w, httptest.NewRequest(http.MethodGet, "/gateway/x", nil), locale)
		return w.Result().Status + w.Body.String()
	}
	first := map[string]string{}
	for name := range pages {
		for _, locale := range []string{"nl", "en"} {
			first[name+locale] = show(name, locale)
			if body := first[name+locale]; !strings.Contains(body, "</html>") || strings.HasPrefix(body, "500") {
				t.Errorf("%s in %s: %.300s", name, locale, body)
			}
		}
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for name := range pages {
				for _, locale := range []string{"en", "nl"} {
					if again := show(name, locale); again != first[name+locale] {
						t.Errorf("%s in %s differs:\n%s\n%s", name, locale, first[name+locale], again)
					}
				}
			}
		})
	}
	wg.Wait()
}

// What pages keep in memory is bounded, however many sites there are and whatever
// was shown: the garbage collector goes through it while requests pass.
func TestPagesKeepLittle(t *testing.T) {
	kept := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := kept()
	var sites []*page.Renderer
	for range 4 {
		p, err := page.New(page.Options{})
		if err != nil {
			t.Fatal(err)
		}
		sites = append(sites, p)
	}
	each := (kept() - before) / int64(len(sites))
	if each > 4<<20 {
		t.Errorf("a site that has shown nothing keeps %d KiB", each>>10)
	}
	t.Logf("%d KiB for each site", each>>10)
	runtime.KeepAlive(sites)
}
