package signin_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/signin"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

// world is what the dispatcher works with, as far as these tests go.
type world struct {
	account *store.Account
	known   map[string]*session.Facts // by cookie
	down    bool
	started []session.Login
	ended   []string
	locale  string
	noted   []attempt.Entry
	loops   int
	now     time.Time
}

func (w *world) Start(_ context.Context, in session.Login) (*session.Started, error) {
	if w.down {
		return nil, store.ErrUnavailable
	}
	w.started = append(w.started, in)
	return &session.Started{Cookie: "fresh", Handle: "handle"}, nil
}

func (w *world) Check(_ context.Context, value string) (*session.Facts, error) {
	if w.down {
		return nil, store.ErrUnavailable
	}
	if f := w.known[value]; f != nil {
		return f, nil
	}
	return session.Refused(cause.NotLoggedIn), nil
}

func (w *world) End(_ context.Context, value string) error {
	w.ended = append(w.ended, value)
	return nil
}

func (w *world) Account(context.Context, string) (*store.Account, error) {
	if w.down {
		return nil, store.ErrUnavailable
	}
	if w.account == nil {
		return nil, store.ErrNotFound
	}
	return w.account, nil
}

func (w *world) UpdateUser(_ context.Context, _, _ string, fn func(*store.User) error) (*store.User, error) {
	u := &store.User{}
	err := fn(u)
	w.locale = u.Locale
	return u, err
}

func (w *world) Record(_ context.Context, e attempt.Entry) (string, error) {
	w.noted = append(w.noted, e)
	return "K7Q-4MD", nil
}

func (w *world) Login(string, string) {}
func (w *world) Refused(cause.Cause)  {}
func (w *world) RedirectLoop()        { w.loops++ }

func open(t testing.TB, w *world) (*signin.Dispatcher, *http.ServeMux) {
	t.Helper()
	pages, err := page.New(page.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.now = time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)
	d := signin.New(signin.Options{
		Prefix: "/gateway", CanRepair: true, Rules: directory.Rules{}, Device: testkit.Sealed(cookie.Device), Flow: testkit.Sealed(cookie.Flow),
		Sessions: w, Directory: w, Pages: pages, Attempts: w, Metrics: w, Now: func() time.Time { return w.now },
	})
	mux := http.NewServeMux()
	d.Mount(mux)
	return d, mux
}

func facts() *session.Facts {
	return &session.Facts{Session: session.NewRecord(&store.Session{}), User: session.NewPerson(&store.User{ID: "jan", Locale: "nl"}), Verdict: &session.Verdict{Account: &store.Account{}}}
}

// browser keeps cookies between requests.
type browser struct {
	mux     *http.ServeMux
	cookies map[string]string
}

func (b *browser) get(target string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "http://localhost"+target, nil)
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	b.mux.ServeHTTP(w, r)
	for _, c := range cookiesOf(w) {
		b.cookies[c.Name] = c.Value
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return w
}

// cookiesOf reads what a response sets.
func cookiesOf(w *httptest.ResponseRecorder) (all []*http.Cookie) {
	for _, line := range w.Header()["Set-Cookie"] {
		if c, err := http.ParseSetCookie(line); err == nil {
			all = append(all, c)
		}
	}
	return all
}

func causeOf(res *httptest.ResponseRecorder) string {
	_, rest, _ := strings.Cut(res.Body.String(), `data-cause="`)
	found, _, _ := strings.Cut(rest, `"`)
	return found
}

func TestTheLoginPageIsNeverADeadEnd(t *testing.T) {
	w := &world{known: map[string]*session.Facts{"good": facts(), "blocked": {
		Session: session.NewRecord(&store.Session{}), User: session.NewPerson(&store.User{}), Verdict: &session.Verdict{Account: &store.Account{}, Cause: cause.UserBlocked},
	}}}
	_, mux := open(t, w)
	for _, c := range []struct {
		cookie, target string
		status         int
		location       string
	}{
		{"", "/gateway/login", 200, ""},
		{"good", "/gateway/login", 303, "/"},
		{"good", "/gateway/login?to=%2Fclients%3Fx%3D1", 303, "/clients?x=1"},
		{"good", "/gateway/login?to=https%3A%2F%2Fevil.example", 303, "/"},
		{"good", "/gateway/login?to=%2F%2Fevil.example", 303, "/"},
		{"good", "/gateway/login?to=%2Fgateway%2Flogout", 303, "/"},
		{"blocked", "/gateway/login", 200, ""},
		{"forged", "/gateway/login", 200, ""},
	} {
		b := &browser{mux, map[string]string{}}
		if c.cookie != "" {
			b.cookies[cookie.Session] = c.cookie
		}
		res := b.get(c.target)
		if res.Code != c.status || res.Header().Get("Location") != c.location {
			t.Errorf("%s with %q: %d to %q", c.target, c.cookie, res.Code, res.Header().Get("Location"))
		}
		if _, kept := b.cookies[cookie.Session]; kept == (c.cookie == "forged" || c.cookie == "") {
			t.Errorf("%s with %q: session cookie kept: %v", c.target, c.cookie, kept)
		}
	}
	w.down = true
	b := &browser{mux, map[string]string{cookie.Session: "good"}}
	if res := b.get("/gateway/login"); res.Code != 200 || b.cookies[cookie.Session] != "good" {
		t.Errorf("with the store away: %d, cookies %v", res.Code, b.cookies)
	}
}

func TestWhyThePersonIsHereIsSaid(t *testing.T) {
	_, mux := open(t, &world{})
	for query, want := range map[string]string{
		"": "", "?reason=session_expired": "session_expired", "?reason=session_ended": "session_ended",
		"?reason=user_blocked": "", "?reason=%3Cscript%3E": "",
	} {
		if got := causeOf((&browser{mux, map[string]string{}}).get("/gateway/login" + query)); got != want {
			t.Errorf("%q shows %q, want %q", query, got, want)
		}
	}
}

// wantNoted wants a refusal that support can find by the reference on the page.
func wantNoted(t *testing.T, w *world, res *httptest.ResponseRecorder, c cause.Cause, user string) {
	t.Helper()
	if !strings.Contains(res.Body.String(), "K7Q-4MD") {
		t.Error("no reference on the page")
	}
	if n := len(w.noted); n == 0 || w.noted[n-1].Cause != c || w.noted[n-1].User != user || w.noted[n-1].Typed != "" && user == "" {
		t.Errorf("noted %+v", w.noted)
	}
}

func TestALoopIsBrokenAndNamed(t *testing.T) {
	w := &world{known: map[string]*session.Facts{"good": facts()}}
	_, mux := open(t, w)
	b := &browser{mux, map[string]string{cookie.Session: "good"}}
	for i := range 3 {
		if res := b.get("/gateway/login"); res.Code != 303 {
			t.Fatalf("bounce %d: %d", i+1, res.Code)
		}
	}
	res := b.get("/gateway/login")
	if got := causeOf(res); res.Code != 200 || got != "redirect_loop" || w.loops != 1 {
		t.Fatalf("fourth bounce: %d %q, %d counted", res.Code, got, w.loops)
	}
	wantNoted(t, w, res, cause.RedirectLoop, "jan")
	// What they choose comes before what is known of them (P39).
	if res = b.get("/gateway/login?lang=en"); causeOf(res) != "" {
		t.Fatalf("a loop begins anew once it is named: %q", causeOf(res))
	}
	for range 3 {
		res = b.get("/gateway/login?lang=en")
	}
	if got := causeOf(res); got != "redirect_loop" || !strings.Contains(res.Body.String(), `<html lang="en"`) {
		t.Errorf("%q, not in English", got)
	}
	w.now = w.now.Add(time.Minute)
	for i := range 6 { // a person, not a loop
		if res := b.get("/gateway/login"); res.Code != 303 {
			t.Fatalf("visit %d: %d", i+1, res.Code)
		}
		w.now = w.now.Add(11 * time.Second)
	}
}

func TestABrowserWithoutCookiesIsToldSo(t *testing.T) {
	w := &world{account: &store.Account{State: directory.Active}}
	d, mux := open(t, w)
	prove := func(header, cookies string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "http://localhost/gateway/login?to=%2Fclients", nil)
		if header != "" {
			r.Header.Set(header, "same-origin")
			r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64)")
		}
		if cookies != "" {
			r.Header.Set("Cookie", cookies)
		}
		rec := httptest.NewRecorder()
		d.Proven(rec, r, signin.Proof{User: &store.User{ID: "jan", Type: "teammate"}, Method: "password"})
		return rec
	}
	if got := prove("", "").Header().Get("Location"); got != "/clients" {
		t.Errorf("a program without cookies was sent to %q", got)
	}
	if got := prove("Sec-Fetch-Site", cookie.Flow+"=x").Header().Get("Location"); got != "/clients" {
		t.Errorf("a browser with cookies was sent to %q", got)
	}
	to := prove("Sec-Fetch-Site", "").Header().Get("Location")
	if u, err := url.Parse(to); err != nil || u.Path != "/gateway/login" {
		t.Fatalf("a browser that lost its cookies was sent to %q", to)
	}
	refused := (&browser{mux, map[string]string{}}).get(to)
	if got := causeOf(refused); got != "cookies_blocked" {
		t.Errorf("the check says %q", got)
	}
	wantNoted(t, w, refused, cause.CookiesBlocked, "")
	if strings.Contains(refused.Body.String(), "https://") {
		t.Error("a browser without cookies is told about https")
	}
	if got := causeOf((&browser{mux, map[string]string{cookie.Device: "x"}}).get(to)); got != "" {
		t.Errorf("with a cookie the check says %q", got)
	}
}

func TestALoginIsANewSessionAndEndsTheOldOne(t *testing.T) {
	w := &world{account: &store.Account{State: directory.Active}}
	d, _ := open(t, w)
	r := httptest.NewRequest(http.MethodPost, "http://localhost/gateway/login?lang=en", nil)
	r.Header.Set("Cookie", cookie.Session+"=old")
	rec := httptest.NewRecorder()
	d.Proven(rec, r, signin.Proof{User: &store.User{ID: "jan", Type: "teammate"}, Method: "password", Remember: true})
	if len(w.started) != 1 || !w.started[0].Remember || len(w.ended) != 1 || w.ended[0] != "old" {
		t.Errorf("started %+v, ended %v", w.started, w.ended)
	}
	if w.locale != "en" {
		t.Errorf("the language of the first login was not kept: %q", w.locale)
	}
	if len(w.noted) != 1 || w.noted[0].Cause != cause.None || w.noted[0].Session != "handle" {
		t.Errorf("noted %+v", w.noted)
	}
	w.down = true
	rec = httptest.NewRecorder()
	d.Proven(rec, r, signin.Proof{User: &store.User{ID: "jan", Type: "teammate"}, Method: "password"})
	if rec.Code != 503 || len(cookiesOf(rec)) != 0 || len(w.ended) != 1 {
		t.Errorf("with the store away: %d, cookies %v, ended %v", rec.Code, cookiesOf(rec), w.ended)
	}
}

func TestSupportIsNotSentToTheApp(t *testing.T) {
	w := &world{account: &store.Account{ID: directory.StaffAccount}}
	d, _ := open(t, w)
	rec := httptest.NewRecorder()
	d.Proven(rec, httptest.NewRequest(http.MethodPost, "http://localhost/gateway/login?to=%2Fclients", nil),
		signin.Proof{User: &store.User{ID: "saskia", Account: directory.StaffAccount, Type: directory.SupportType}, Method: "password"})
	if got := rec.Header().Get("Location"); got != "/gateway/admin" {
		t.Errorf("support was sent to %q", got)
	}
}

// A device belongs to the users who logged in on it, whoever asks, and to the
// latest six of them.
func TestKnownDevices(t *testing.T) {
	d, _ := open(t, &world{account: &store.Account{State: directory.Active}})
	rapid.Check(t, func(t *rapid.T) {
		users := rapid.SliceOfN(rapid.OneOf(rapid.StringMatching(`[a-z2-7]{16}`), rapid.SampledFrom([]string{"jan", "piet"})), 1, 12).Draw(t, "users")
		cookies := map[string]string{}
		request := func() *http.Request {
			r := httptest.NewRequest(http.MethodPost, "http://localhost/gateway/login", nil)
			for name, value := range cookies {
				r.AddCookie(&http.Cookie{Name: name, Value: value})
			}
			return r
		}
		digest := ""
		for _, u := range users {
			rec := httptest.NewRecorder()
			d.Proven(rec, request(), signin.Proof{User: &store.User{ID: u, Type: "teammate", Locale: "nl"}, Method: "password"})
			for _, c := range cookiesOf(rec) {
				cookies[c.Name] = c.Value
			}
			now := d.KnownDevice(request(), u)
			if now == "" || digest != "" && now != digest {
				t.Fatalf("after the login of %s the device is %q, was %q", u, now, digest)
			}
			digest = now
		}
		latest := []string{}
		for _, u := range slices.Backward(users) {
			if !slices.Contains(latest, u) {
				latest = append(latest, u)
			}
		}
		for n, u := range latest {
			if known := d.KnownDevice(request(), u) != ""; known != (n < 6) {
				t.Fatalf("%d have logged in since %s, who is known: %v", n, u, known)
			}
		}
		if got := d.DeviceUsers(request()); !slices.Equal(got, latest[:1]) {
			t.Fatalf("the last were %q, not %q", latest, got)
		}
		if d.KnownDevice(request(), "somebodyelse2222") != "" || d.KnownDevice(request(), "") != "" {
			t.Fatal("the device is taken for somebody else's")
		}
		cookies[cookie.Device] += "x"
		if d.KnownDevice(request(), users[len(users)-1]) != "" {
			t.Fatal("a forged device cookie counts")
		}
	})
}

func TestNextKeepsTheOrderOfTheRules(t *testing.T) {
	now := time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)
	blocked, suspended := &store.Block{At: now}, &store.Account{State: directory.Suspended}
	active := &store.Account{State: directory.Active}
	for name, c := range map[string]struct {
		u    store.User
		a    *store.Account
		step signin.Step
		want cause.Cause
	}{
		"fine":                       {store.User{Type: "teammate"}, active, signin.Enter, cause.None},
		"second step":                {store.User{Type: "teammate", SecondStep: true}, active, signin.SecondStep, cause.SecondStepRequired},
		"type before block":          {store.User{Type: "?", Block: blocked}, suspended, signin.Refuse, cause.TypeDenied},
		"block before account":       {store.User{Type: "teammate", Block: blocked}, suspended, signin.Refuse, cause.UserBlocked},
		"account before second step": {store.User{Type: "teammate", SecondStep: true}, suspended, signin.Refuse, cause.AccountSuspended},
		"account that is gone":       {store.User{Type: "teammate"}, nil, signin.Refuse, cause.AccountSuspended},
	} {
		step, got := signin.Next(&c.u, c.a, directory.Rules{}, now)
		if step != c.step || got != c.want {
			t.Errorf("%s: %s %q, want %s %q", name, step, got, c.step, c.want)
		}
	}
}
