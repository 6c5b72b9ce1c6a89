package password_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/password"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/signin"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
	"github.com/cliendo/gateway/caddymodule/store/redisstore"
	"github.com/cliendo/gateway/caddymodule/store/storetest/redistest"
	"github.com/cliendo/gateway/caddymodule/testkit"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

type metrics struct{}

func (metrics) Login(string, string) {}
func (metrics) Refused(cause.Cause)  {}
func (metrics) RedirectLoop()        {}

// house is what logging in takes, on a real store.
type house struct {
	t        *testing.T
	store    *testkit.Counted
	dir      *directory.Directory
	hasher   hasher
	attempts *attempt.Recorder
	mux      *http.ServeMux
	mailed   mailed
	errand   *password.Errand
}

// hasher is one whose queue can be full at will.
type hasher struct {
	*passhash.Hasher
	full *atomic.Bool
}

func (h hasher) Full(p passhash.Place) bool { return h.full.Load() || h.Hasher.Full(p) }

const right = "Goed-w8woord, met spatie en €"

func onStores(t *testing.T, test func(t *testing.T, h *house)) {
	t.Run("bolt", func(t *testing.T) {
		e, err := boltstore.Open(filepath.Join(t.TempDir(), "store.db"), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		test(t, build(t, e))
	})
	t.Run("redis", func(t *testing.T) {
		e, err := redisstore.Open(redistest.Start(t).URL(), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		test(t, build(t, e))
	})
}

func build(t *testing.T, e store.Engine) *house {
	t.Helper()
	h := &house{t: t, store: &testkit.Counted{Engine: e}, hasher: hasher{passhash.New(passhash.Options{}), &atomic.Bool{}}, mux: http.NewServeMux()}
	rules := directory.Rules{Types: directory.BuiltinTypes()}
	h.dir = directory.New(h.store, directory.Options{Rules: rules})
	h.attempts = attempt.New(h.store, attempt.Options{})
	codec := func(base string) *cookie.Codec {
		return cookie.NewCodec(base, [][]byte{[]byte(strings.Repeat("k", 32))})
	}
	sessions := session.New(h.store, h.dir, session.Settings{
		Limits: session.DefaultLimits(), Rules: rules, Codec: codec(cookie.Session),
	}, session.Options{})
	t.Cleanup(func() {
		h.store.Away.Store(false)
		h.attempts.Close()
		sessions.Close(context.Background())
		e.Close()
	})
	pages, err := page.New(page.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d := signin.New(signin.Options{
		Prefix: "/gateway", Rules: rules, Device: testkit.Sealed(cookie.Device), Flow: testkit.Sealed(cookie.Flow), Sessions: sessions,
		Directory: h.dir, Pages: pages, Attempts: h.attempts, Metrics: metrics{}, Tickets: &h.mailed,
	})
	d.Mount(h.mux)
	h.errand = password.New(password.Options{
		Prefix: "/gateway", Dispatcher: d, Directory: h.dir, Limits: limit.New(h.store, limit.Config{}, nil),
		Hasher: h.hasher, Pages: pages, Tickets: &h.mailed,
	})
	h.errand.Mount(h.mux)
	h.user("jan@example.test", right)
	return h
}

func (h *house) user(email, pw string) {
	h.t.Helper()
	ctx := context.Background()
	if err := h.dir.CreateAccount(ctx, &store.Account{ID: "praktijk", Name: "Praktijk", State: "active"}); err != nil {
		h.t.Fatal(err)
	}
	encoded, err := h.hasher.Hash(ctx, pw)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.dir.CreateUser(ctx, &store.User{
		Account: "praktijk", Email: email, Name: "Jan", Type: "teammate", Password: encoded, PasswordChosen: true, Locale: "nl",
	}); err != nil {
		h.t.Fatal(err)
	}
}

// post sends the form from a network of its own, so that budgets do not meet.
func (h *house) post(ip, contentType, body string, cookies ...*http.Cookie) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "http://localhost/gateway/login?to=%2Fclients", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	addr := netip.MustParseAddr(ip)
	w := httptest.NewRecorder()
	h.mux.ServeHTTP(w, visitor.With(r, visitor.Visitor{IP: addr, Network: limit.Network(addr)}))
	return w
}

const urlencoded = "application/x-www-form-urlencoded"

func fields(email, pw string) string { return url.Values{"email": {email}, "password": {pw}}.Encode() }

// cookiesOf reads what a response sets.
func cookiesOf(w *httptest.ResponseRecorder) (all []*http.Cookie) {
	for _, line := range w.Header()["Set-Cookie"] {
		if c, err := http.ParseSetCookie(line); err == nil {
			all = append(all, c)
		}
	}
	return all
}

// work is what one try cost.
type work struct {
	Gets, Scans, Updates, Puts int64
	Hashes                     uint64
}

func (h *house) work(do func()) work {
	_, _, hashes := h.hasher.Stats()
	w := work{h.store.Reads.Load(), h.store.Scans.Load(), h.store.Writes.Load(), h.store.Puts.Load(), hashes}
	do()
	_, _, hashes = h.hasher.Stats()
	return work{
		h.store.Reads.Load() - w.Gets, h.store.Scans.Load() - w.Scans, h.store.Writes.Load() - w.Updates,
		h.store.Puts.Load() - w.Puts, hashes - w.Hashes,
	}
}

func TestAStrangerCannotTellWhoIsACustomer(t *testing.T) {
	onStores(t, func(t *testing.T, h *house) {
		h.user2("nopassword@example.test")
		varying := regexp.MustCompile(`[A-Z0-9]{3}-[A-Z0-9]{3}|value="[^"]*@[^"]*"`)
		var known, unknown, without *httptest.ResponseRecorder
		costKnown := h.work(func() { known = h.post("192.0.2.1", urlencoded, fields("jan@example.test", "wrong")) })
		costUnknown := h.work(func() { unknown = h.post("192.0.2.2", urlencoded, fields("piet@example.test", "wrong")) })
		costWithout := h.work(func() { without = h.post("192.0.2.3", urlencoded, fields("nopassword@example.test", "wrong")) })
		if diff := cmp.Diff(costKnown, costUnknown); diff != "" {
			t.Errorf("work for a known and an unknown address differs: %s", diff)
		}
		if diff := cmp.Diff(costKnown, costWithout); diff != "" {
			t.Errorf("work for somebody without a password differs: %s", diff)
		}
		if costKnown.Hashes != 1 {
			t.Errorf("%d hashes", costKnown.Hashes)
		}
		a, b, c := varying.ReplaceAllString(known.Body.String(), ""), varying.ReplaceAllString(unknown.Body.String(), ""), varying.ReplaceAllString(without.Body.String(), "")
		if known.Code != 401 || unknown.Code != 401 || a != b || a != c || !strings.Contains(a, `data-cause="wrong_password"`) {
			t.Errorf("answers differ: %d %d\n%s", known.Code, unknown.Code, cmp.Diff(a, b))
		}
		known.Header().Del("Content-Length")
		unknown.Header().Del("Content-Length")
		if diff := cmp.Diff(known.Header(), unknown.Header()); diff != "" {
			t.Errorf("headers differ: %s", diff)
		}
	})
}

// Most of a flood of logins is turned away. It takes no place in a budget, which is
// a write, and no hash, and a stranger learns nothing by it.
func TestAFullQueueIsSeenBeforeAnythingIsWritten(t *testing.T) {
	onStores(t, func(t *testing.T, h *house) {
		h.hasher.full.Store(true)
		answers := map[string]int{}
		try := func(ip, email string) work {
			return h.work(func() {
				w := h.post(ip, urlencoded, fields(email, right))
				answers[fmt.Sprintf("%d busy: %t", w.Code, strings.Contains(w.Body.String(), `data-cause="busy"`))]++
			})
		}
		known, unknown := try("192.0.2.1", "jan@example.test"), try("192.0.2.2", "piet@example.test")
		if diff := cmp.Diff(known, unknown); diff != "" || answers["503 busy: true"] != 2 {
			t.Errorf("answers %v; work differs: %s", answers, diff)
		}
		// What is written is the attempt and its place in the list of its address: once
		// for all that are alike.
		again := try("192.0.2.1", "jan@example.test")
		if known.Updates != 2 || known.Hashes != 0 || again.Updates != 0 || again.Hashes != 0 {
			t.Errorf("first %+v, again %+v", known, again)
		}
		h.hasher.full.Store(false)
		if w := h.post("192.0.2.1", urlencoded, fields("jan@example.test", right)); w.Code != http.StatusSeeOther {
			t.Errorf("with room again: status %d", w.Code)
		}
	})
}

func (h *house) user2(email string) {
	h.t.Helper()
	if err := h.dir.CreateUser(context.Background(), &store.User{Account: "praktijk", Email: email, Name: "P", Type: "teammate", Locale: "nl"}); err != nil {
		h.t.Fatal(err)
	}
}

func TestTheRightPasswordBeginsASession(t *testing.T) {
	onStores(t, func(t *testing.T, h *house) {
		for i, email := range []string{"jan@example.test", " JAN@Example.TEST ", "jan@example.test."} {
			res := h.post(fmt.Sprintf("192.0.2.%d", 10+i), urlencoded, fields(email, right))
			if res.Code != http.StatusSeeOther || res.Header().Get("Location") != "/clients" || !hasCookie(res, cookie.Session) {
				t.Errorf("%q: %d %v", email, res.Code, res.Header())
			}
		}
		for i, pw := range []string{right + " ", " " + right, strings.ToLower(right), right[:len(right)-3], right + strings.Repeat("x", 2000)} {
			if res := h.post(fmt.Sprintf("192.0.2.%d", 20+i), urlencoded, fields("jan@example.test", pw)); res.Code != 401 || hasCookie(res, cookie.Session) {
				t.Errorf("%q was taken for the password: %d", pw, res.Code)
			}
		}
	})
}

func hasCookie(res *httptest.ResponseRecorder, name string) bool {
	for _, c := range cookiesOf(res) {
		if c.Name == name && c.Value != "" {
			return true
		}
	}
	return false
}

func TestMalformedFormsAreExplained(t *testing.T) {
	onStores(t, func(t *testing.T, h *house) {
		for name, c := range map[string]struct{ contentType, body string }{
			"no fields":        {urlencoded, ""},
			"no password":      {urlencoded, "email=jan%40example.test"},
			"empty password":   {urlencoded, "email=jan%40example.test&password="},
			"two addresses":    {urlencoded, "email=a%40b.nl&email=c%40d.nl&password=x"},
			"two passwords":    {urlencoded, "email=a%40b.nl&password=x&password=y"},
			"not UTF-8":        {urlencoded, "email=a%40b.nl&password=%ff%fe"},
			"bad escape":       {urlencoded, "email=%zz&password=x"},
			"a megabyte":       {urlencoded, "email=a%40b.nl&password=" + strings.Repeat("x", 1<<20)},
			"json":             {"application/json", `{"email":"jan@example.test","password":"x"}`},
			"multipart":        {"multipart/form-data; boundary=x", "--x--"},
			"no content type":  {"", fields("jan@example.test", right)},
			"odd content type": {";;;", fields("jan@example.test", right)},
		} {
			var res *httptest.ResponseRecorder
			cost := h.work(func() { res = h.post("192.0.2.50", c.contentType, c.body) })
			text := res.Body.String()
			if res.Code != 400 || !strings.Contains(text, `data-cause="bad_request"`) || !strings.Contains(text, `name="password"`) {
				t.Errorf("%s: %d %s", name, res.Code, text)
			}
			if cost.Hashes != 0 || !strings.Contains(text, `data-reference="`) {
				t.Errorf("%s cost %+v", name, cost)
			}
		}
	})
}

func TestWhatIsNoAddressIsNotKept(t *testing.T) {
	onStores(t, func(t *testing.T, h *house) {
		for _, typed := range []string{"my-secret-password", "a@b", "x\x00@example.test", "jan@example.test\r\nBcc: x"} {
			var res *httptest.ResponseRecorder
			cost := h.work(func() { res = h.post("192.0.2.60", urlencoded, fields(typed, "x")) })
			text := res.Body.String()
			if res.Code != 401 || cost.Hashes != 0 {
				t.Errorf("%q: %d, %+v", typed, res.Code, cost)
			}
			reference := regexp.MustCompile(`data-reference="([^"]+)"`).FindStringSubmatch(text)
			if reference == nil {
				t.Fatalf("%q: no reference", typed)
			}
			a, err := h.attempts.Find(context.Background(), reference[1])
			if err != nil || a.Typed != "" {
				t.Errorf("%q was kept: %+v, %v", typed, a, err)
			}
		}
	})
}

func TestAnAbsentStoreIsNotAWrongPassword(t *testing.T) {
	onStores(t, func(t *testing.T, h *house) {
		h.store.Away.Store(true)
		res := h.post("192.0.2.70", urlencoded, fields("jan@example.test", right))
		text := res.Body.String()
		if res.Code != 503 || res.Header().Get("Retry-After") == "" || len(res.Header()["Set-Cookie"]) != 0 ||
			!strings.Contains(text, `data-cause="store_unavailable"`) || !strings.Contains(text, "jan@example.test") {
			t.Errorf("%d %v %s", res.Code, res.Header(), text)
		}
	})
}

func TestAfterFiveFailuresOneWaits(t *testing.T) {
	onStores(t, func(t *testing.T, h *house) {
		for i := range 5 {
			if res := h.post("192.0.2.80", urlencoded, fields([]string{"jan@example.test", "Jan@EXAMPLE.test"}[i%2], "wrong")); res.Code != 401 {
				t.Fatalf("failure %d: %d", i+1, res.Code)
			}
		}
		cost := h.work(func() {
			res := h.post("192.0.2.80", urlencoded, fields("jan@example.test", right))
			text := res.Body.String()
			if res.Code != 429 || res.Header().Get("Retry-After") == "" || !strings.Contains(text, `data-cause="too_many_attempts"`) {
				t.Errorf("sixth try: %d %v", res.Code, res.Header())
			}
		})
		if cost.Hashes != 0 {
			t.Error("the password was looked at all the same")
		}
		if res := h.post("192.0.2.81", urlencoded, fields("jan@example.test", right)); res.Code != 303 {
			t.Errorf("from elsewhere: %d", res.Code)
		}
	})
}

func TestAKnownDeviceIsNotShutOutByStrangers(t *testing.T) {
	onStores(t, func(t *testing.T, h *house) {
		own := h.post("198.51.100.1", urlencoded, fields("jan@example.test", right))
		h.user2("mallory@example.test")
		for i := range 25 {
			h.post(fmt.Sprintf("203.0.113.%d", i+1), urlencoded, fields("jan@example.test", "guess"))
		}
		if res := h.post("198.51.100.9", urlencoded, fields("jan@example.test", right)); res.Code != 429 {
			t.Errorf("an unknown device after 25 guesses of strangers: %d", res.Code)
		}
		var device []*http.Cookie
		for _, c := range cookiesOf(own) {
			if c.Name == cookie.Device {
				device = append(device, c)
			}
		}
		if res := h.post("203.0.113.1", urlencoded, fields("jan@example.test", right), device...); res.Code != 303 {
			t.Errorf("the known device: %d", res.Code)
		}
		forged := &http.Cookie{Name: cookie.Device, Value: strings.ToUpper(device[0].Value)}
		if res := h.post("198.51.100.8", urlencoded, fields("jan@example.test", right), forged); res.Code != 429 {
			t.Errorf("a forged device: %d", res.Code)
		}
	})
}
