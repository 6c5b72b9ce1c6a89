package help_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/help"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

// counts are the answers given.
type counts map[string]int

func (c counts) HelpAnswer(about cause.Cause, answer string) { c[string(about)+" "+answer]++ }

// house is the help page with all around it.
type house struct {
	*httptest.Server
	client *http.Client
	counts counts
	device *cookie.Sealed
	last   time.Time
	works  bool
}

func newHouse(t *testing.T) *house {
	t.Helper()
	pages, err := page.New(page.Options{Brand: page.Brand{SupportMail: "help@praktijk.test", AppointmentURL: "https://praktijk.test/afspraak"}})
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{counts: counts{}, device: testkit.Sealed(cookie.Device), works: true}
	mux := http.NewServeMux()
	help.New(help.Options{
		Prefix: "/gateway", Device: h.device, Pages: pages, Metrics: h.counts,
		LastLogin: func() time.Time { return h.last }, Works: func() bool { return h.works },
	}).Mount(mux)
	h.Server = httptest.NewServer(mux)
	t.Cleanup(h.Close)
	h.client = &http.Client{Jar: jar}
	return h
}

func (h *house) send(t *testing.T, method, path string, form url.Values) (int, string, *url.URL) {
	t.Helper()
	request, err := http.NewRequest(method, h.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := h.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body), response.Request.URL
}

func (h *house) get(t *testing.T, path string) string {
	t.Helper()
	status, body, _ := h.send(t, http.MethodGet, path, nil)
	if status != http.StatusOK {
		t.Fatalf("%s: %d", path, status)
	}
	return body
}

func wants(t *testing.T, body string, all ...string) {
	t.Helper()
	for _, want := range all {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in %s", want, body)
		}
	}
}

// TestEveryReasonAndWay is on the page, in both languages.
func TestEveryReasonAndWay(t *testing.T) {
	h := newHouse(t)
	wants(t, h.get(t, "/gateway/help?lang=nl"), `id="password"`, `id="address"`, `id="wait"`, `id="mail"`, `id="browser"`, `id="account"`,
		`id="withdrawn"`, `id="type"`, "Gekoppeld account", "/gateway/magic", "/gateway/recover", "Je beheerder", "De helpdesk",
		"mailto:help@praktijk.test", "https://praktijk.test/afspraak", "Ik krijg geen mail", "Was dit een antwoord op je vraag?")
	wants(t, h.get(t, "/gateway/help?lang=en"), "I get no mail", "Linked account", "Was this an answer to your question?")
}

// TestTheReferenceIsFilledIn when it has the shape of one, and never else.
func TestTheReferenceIsFilledIn(t *testing.T) {
	h := newHouse(t)
	wants(t, h.get(t, "/gateway/help?reference=k7q4md&cause=too_many_mails"), `data-reference="K7Q-4MD"`, "referentie%20K7Q-4MD", `id="mail" open`)
	wants(t, h.get(t, "/gateway/help?cause=no_mail"), `id="mail" open`, `name="cause" value="no_mail"`)
	wants(t, h.get(t, "/gateway/help?cause=link_used"), `id="link" open`, `name="cause" value="link_used"`)
	for _, shape := range []string{"K7Q-4M", "<b>x</b>", "K7Q-4MD-K7Q", "evil.test"} {
		if body := h.get(t, "/gateway/help?cause=nonsense&reference="+url.QueryEscape(shape)); strings.Contains(body, "data-reference") || strings.Contains(body, " open>") {
			t.Errorf("%s is taken for a reference", shape)
		}
	}
}

func TestWhetherLoggingInWorks(t *testing.T) {
	h := newHouse(t)
	for _, tc := range []struct {
		ago  time.Duration
		want string
	}{
		{5 * time.Second, "minder dan een minuut geleden"},
		{5 * time.Minute, "een paar minuten geleden"},
		{30 * time.Minute, "minder dan een uur geleden"},
		{5 * time.Hour, "Inloggen werkt op dit moment.<"},
	} {
		h.last = time.Now().Add(-tc.ago)
		wants(t, h.get(t, "/gateway/help"), tc.want)
	}
	h.last = time.Time{}
	wants(t, h.get(t, "/gateway/help"), "Inloggen werkt op dit moment.<")
	h.works = false
	wants(t, h.get(t, "/gateway/help"), "storing aan onze kant")
}

// TestCookiesAreChecked without script: a browser that keeps them, and one that
// does not.
func TestCookiesAreChecked(t *testing.T) {
	h := newHouse(t)
	wants(t, h.get(t, "/gateway/help"), "Nog niet nagekeken")
	_, body, at := h.send(t, http.MethodPost, "/gateway/help/check?reference=K7Q-4MD&cause=cookies_blocked&lang=nl", nil)
	wants(t, body, "bewaart onze cookies", "K7Q-4MD", `id="browser" open`)
	wants(t, h.get(t, "/gateway/help?cause=redirect_loop"), `id="loop" open`)
	if at.Path != "/gateway/help" || at.Fragment != "check" {
		t.Errorf("ended at %s", at)
	}
	h.client.Jar = nil
	_, body, _ = h.send(t, http.MethodPost, "/gateway/help/check", nil)
	wants(t, body, "weigert onze cookies")
}

func TestTheDeviceIsRecognised(t *testing.T) {
	h := newHouse(t)
	wants(t, h.get(t, "/gateway/help"), "Niet herkend")
	at, err := url.Parse(h.URL)
	if err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]string{"forged": "Niet herkend", "": "Herkend: hier is eerder ingelogd."} {
		if value == "" {
			value = h.device.Encode("device", "password", "user")
		}
		h.client.Jar.SetCookies(at, []*http.Cookie{{Name: cookie.Device, Value: value}})
		wants(t, h.get(t, "/gateway/help"), want)
	}
}

// TestAnswersAreCounted once each, for causes of the list only.
func TestAnswersAreCounted(t *testing.T) {
	h := newHouse(t)
	_, body, at := h.send(t, http.MethodPost, "/gateway/help/answer?lang=en&reference=K7Q-4MD", url.Values{"cause": {"too_many_mails"}, "answer": {"no"}})
	wants(t, body, "who can help you further", "K7Q-4MD")
	h.get(t, at.RequestURI()) // a reload
	h.send(t, http.MethodPost, "/gateway/help/answer?cause=no_mail", url.Values{"cause": {"no_mail"}, "answer": {"no"}})
	h.send(t, http.MethodPost, "/gateway/help/answer", url.Values{"cause": {"unknown_email"}, "answer": {"yes"}})
	for _, form := range []url.Values{
		{"cause": {"made_up"}, "answer": {"yes"}},
		{"cause": {""}, "answer": {"yes"}},
		{"cause": {"wrong_password"}, "answer": {"maybe"}},
		{"cause": {"wrong_password"}},
		{},
		{"cause": {strings.Repeat("x", 1<<16)}, "answer": {"yes"}},
	} {
		if status, _, _ := h.send(t, http.MethodPost, "/gateway/help/answer", form); status != http.StatusBadRequest {
			t.Errorf("%.80v: %d", form, status)
		}
	}
	if len(h.counts) != 3 || h.counts["no_mail no"] != 1 || h.counts["too_many_mails no"] != 1 || h.counts["unknown_email yes"] != 1 {
		t.Errorf("%v", h.counts)
	}
}

// TestTheWayStaysHere: what is kept in the address leads nowhere else.
func TestTheWayStaysHere(t *testing.T) {
	h := newHouse(t)
	h.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, path := range []string{"/gateway/help/check?to=https://evil.test/", "/gateway/help/check?lang=%0d%0aX-Evil:1", "/gateway/help/answer"} {
		request, err := http.NewRequest(http.MethodGet, h.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := h.client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if to := response.Header.Get("Location"); !strings.HasPrefix(to, "/gateway/help") || response.Header.Get("X-Evil") != "" || response.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s leads to %q", path, to)
		}
	}
}
