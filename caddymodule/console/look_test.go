package console_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/browsertest"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/store"
)

// hostile are names as nobody should have them; imports and old records may.
var hostile = []string{
	`<script>alert(1)</script><b>bold</b>`, "\u202egnihton\u202c si siht", "{env.HOME} {n} {{.Body}}",
	strings.Repeat("W\u0301ijdelopend ", 160), "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd", strings.Repeat("W", 2000),
}

// stage sets a world with something to see on every page.
func stage(t *testing.T) *world {
	t.Helper()
	w := onBolt(t)
	for i, name := range hostile {
		u := w.user("hostile-"+string(rune('a'+i)), "acme", "teammate")
		rename(w, u.ID, name)
	}
	w.change("acme-client", func(u *store.User) {
		u.Block = &store.Block{By: "Person acme-admin", At: w.Now(), Why: "Uit dienst", Until: w.Now().AddDate(0, 0, 30)}
	})
	w.change("acme-teammate", func(u *store.User) { u.SecondStep = true })
	w.enter("acme-teammate")
	for _, c := range []cause.Cause{cause.WrongPassword, cause.None} {
		_, err := w.attempts.Record(t.Context(), attempt.Entry{
			Cause: c, Method: "password", Typed: "acme-teammate@demo.test", User: "acme-teammate", Account: "acme",
			Network: "192.0.2.1/32", Agent: "Firefox on Linux",
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	fail(t, w, "acme-teammate", 7)
	if a := w.submit("acme-superadmin", of("acme-teammate", "/mail-password")); a.Code != http.StatusSeeOther {
		t.Fatalf("mailing a password: %d %s", a.Code, a.body)
	}
	return w
}

// fail has somebody fail to log in until they have to wait.
func fail(t *testing.T, w *world, user string, times int) {
	t.Helper()
	failSubject(t, w, attempt.Subject(user, ""), "192.0.2.1/32", times)
}

func failSubject(t *testing.T, w *world, subject, network string, times int) {
	t.Helper()
	for range times {
		place, err := w.limits.Reserve(t.Context(), limit.Try{Subject: subject, Network: network})
		if err != nil {
			return
		}
		if _, err := place.Failed(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// rename gives somebody a name past the directory, which would refuse it.
func rename(w *world, id, name string) {
	w.t.Helper()
	u := w.find(id)
	err := w.store.Update(w.t.Context(), store.AccountTag(u.Account), func(tx store.Tx) error {
		u, err := store.Users.Read(tx, id)
		if err != nil {
			return err
		}
		u.Name = name
		tx.Announce(store.Users.Kind, id)
		return store.Users.Put(tx, id, u, time.Time{})
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// view is a page to look at.
type view struct {
	name, as, path string
	fields         []string // posted, if any
	file           string   // uploaded, if any
	old            bool     // with an old proof
}

func views() []view {
	all := []view{
		{name: "team", as: "acme-superadmin", path: "/accounts/acme/users"},
		{name: "team-nobody", as: "acme-superadmin", path: "/accounts/acme/users?q=zzz"},
		{name: "team-support", as: "saskia", path: "/accounts/acme/users?show=no&sort=-last"},
		{name: "user", as: "acme-superadmin", path: of("acme-teammate", "?done=mail-password")},
		{name: "user-blocked", as: "acme-admin", path: of("acme-client", "")},
		{name: "user-not-yours", as: "acme-admin", path: of("acme-superadmin", "")},
		{name: "user-html", as: "acme-superadmin", path: of("hostile-a", "")},
		{name: "user-long", as: "acme-superadmin", path: of("hostile-f", "")},
		{name: "forbidden", as: "acme-admin", path: of("acme-superadmin", "/block")},
		{name: "invite", as: "acme-superadmin", path: "/accounts/acme/invite"},
		{name: "block-wrong", as: "acme-superadmin", path: of("acme-teammate", "/block"), fields: []string{"until", "gisteren", "why", "Uit dienst"}},
		{name: "delete-unsure", as: "acme-superadmin", path: of("acme-teammate", "/delete"), fields: []string{"x", "y"}},
		{name: "password-shown", as: "acme-superadmin", path: of("acme-client", "/password"), fields: []string{"x", "y"}},
		{name: "fresh", as: "acme-second", path: of("acme-teammate", "/block"), fields: []string{"why", "Uit dienst"}, old: true},
		{name: "fresh-wrong", as: "acme-second", path: of("acme-teammate", "/block"), fields: []string{"why", "Uit dienst", "fresh_password", "nee"}, old: true},
	}
	for _, act := range []string{"password", "email", "name", "type", "second-step-off", "end-sessions", "mail-login", "block", "delete"} {
		all = append(all, view{name: "act-" + act, as: "acme-superadmin", path: of("acme-teammate", "/"+act)})
	}
	return append(append(all, deskViews()...),
		view{name: "act-chosen", as: "saskia", path: of("acme-teammate", "/chosen-password")},
		view{name: "act-erase", as: "saskia", path: of("hostile-a", "/erase")},
	)
}

// TestPagesAreAccessible opens every page in both languages, wide and narrow, light
// and dark, and wants no finding at all.
func TestPagesAreAccessible(t *testing.T) {
	for _, locale := range []string{"nl", "en"} {
		t.Run(locale, func(t *testing.T) {
			t.Parallel() // in a browser and a world of its own
			w := stage(t)
			w.enter("acme-second")
			w.Push(11 * time.Minute)
			server := httptest.NewServer(gallery(w))
			t.Cleanup(server.Close)
			eye := browsertest.NewEye(t)
			// Lines of tables round to a fraction below 44; what is only there for the
			// keyboard or for a screen reader is not touched.
			eye.Least, eye.Except = 43.5, ".unseen, .skip, thead"
			eye.FindsSomething(t, server.URL+"/bad")
			for _, v := range views() {
				t.Run(v.name, func(t *testing.T) {
					eye.Look(t, server.URL+"/view?name="+v.name+"&lang="+locale, v.name+"-"+locale)
				})
			}
		})
	}
}

// gallery shows the view that the query asks for, as whoever it is for.
func gallery(w *world) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/gateway/assets/", w.pages.Assets())
	mux.HandleFunc("/bad", func(rw http.ResponseWriter, _ *http.Request) {
		w.pages.SecurityHeaders(rw.Header())
		rw.Header().Set("Content-Type", "text/html")
		_, _ = rw.Write([]byte(`<img src="https://elsewhere.test/x.png"><input><button style="width:9px">x</button>`))
	})
	mux.HandleFunc("/view", func(rw http.ResponseWriter, r *http.Request) {
		for _, v := range views() {
			if v.name != r.URL.Query().Get("name") {
				continue
			}
			if !v.old {
				w.enter(v.as) // a young proof
			}
			glue := "?"
			if strings.Contains(v.path, "?") {
				glue = "&"
			}
			path := v.path + glue + "lang=" + r.URL.Query().Get("lang")
			a := w.get(v.as, path)
			switch {
			case v.fields != nil:
				a = w.submit(v.as, path, v.fields...)
			case v.file != "":
				w.change(v.as, func(u *store.User) { u.Locale = r.URL.Query().Get("lang") }) // what is uploaded has no query
				a = w.upload(v.as, "rehearse", "users.csv", v.file)
			}
			for name, values := range a.Header() {
				rw.Header()[name] = values
			}
			rw.WriteHeader(a.Code)
			_, _ = rw.Write([]byte(a.body))
			return
		}
		http.NotFound(rw, r)
	})
	return mux
}
