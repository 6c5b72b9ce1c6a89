package console_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/page"
	"github.com/cliendo/gateway/caddymodule/store"
)

// deskViews are the pages of the desk to look at.
func deskViews() []view {
	return []view{
		{name: "desk", as: "saskia", path: ""},
		{name: "desk-team", as: "acme-admin", path: "/find"},
		{name: "desk-hits", as: "saskia", path: "/find", fields: []string{"q", "person"}},
		{name: "desk-nothing", as: "saskia", path: "/find", fields: []string{"q", "<b>zzz</b>"}},
		{name: "story", as: "saskia", path: of("acme-teammate", "/why")},
		{name: "story-team", as: "acme-admin", path: of("acme-client", "/why")},
		{name: "story-hostile", as: "saskia", path: of("hostile-e", "/why")},
		{name: "story-nobody", as: "saskia", path: "/find", fields: []string{"q", "nobody@demo.test"}},
		{name: "accounts", as: "saskia", path: "/accounts"},
		{name: "accounts-wrong", as: "saskia", path: "/accounts", fields: []string{"id", "Nee Hoor", "name", "X", "state", "active"}},
		{name: "account", as: "saskia", path: "/accounts/acme?done=account-state"},
		{name: "account-wrong", as: "saskia", path: "/accounts/acme/state", fields: []string{"state", "trial"}},
		{name: "locked-out", as: "saskia", path: "/locked-out?day=2027-06-01"},
		{name: "reports", as: "saskia", path: "/reports"},
		{name: "reports-team", as: "acme-admin", path: "/accounts/acme/reports?days=7"},
		{name: "audit", as: "acme-superadmin", path: "/accounts/acme/audit"},
		{name: "keys", as: "saskia", path: "/keys"},
		{name: "key-made", as: "saskia", path: "/keys", fields: []string{"name", "Facturatie", "scope_accounts_read", "1"}},
		{name: "import", as: "saskia", path: "/import"},
		{name: "import-wrong", as: "saskia", path: "/import", file: badLines},
	}
}

// record keeps an attempt and returns its reference.
func (w *world) record(e attempt.Entry) string {
	w.t.Helper()
	if e.Method == "" {
		e.Method, e.Network, e.Agent = "password", "192.0.2.9/32", "Firefox / Linux"
	}
	ref, err := w.attempts.Record(w.t.Context(), e)
	if err != nil {
		w.t.Fatal(err)
	}
	return ref
}

func (w *world) failed(user string) string {
	u := w.find(user)
	return w.record(attempt.Entry{Cause: cause.WrongPassword, Typed: u.Email, User: u.ID, Account: u.Account})
}

// logged are the actions in the log of an account, oldest first, with whom they were
// done to and by whom.
func (w *world) logged(account string) (all []string) {
	w.t.Helper()
	items, err := store.AuditLines.Scan(w.t.Context(), w.store, store.AccountTag(account), "", "", 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, item := range items {
		all = append(all, item.Value.Action+" "+item.Value.User+" by "+item.Value.ActorKind)
	}
	slices.Reverse(all)
	return all
}

func TestTheBoxFindsWhatIsTyped(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		ref := w.failed("acme-teammate")
		why := "/gateway/admin" + of("acme-teammate", "/why")
		for typed, want := range map[string]string{
			ref:                         "/gateway/admin/attempts/" + ref,
			strings.ToLower(ref):        "/gateway/admin/attempts/" + ref,
			" ACME-teammate@Demo.Test ": why,
			"acme-teammate":             why,
			"rson acme-teamm":           why,
			"rival":                     "/gateway/admin/accounts/rival",
			"saskia@demo.test":          "/gateway/admin/accounts/staff/users/saskia/why",
		} {
			if a := w.submit("saskia", "/find", "q", typed); a.Code != http.StatusSeeOther || a.to() != want {
				t.Errorf("support types %q: %d to %q, want %s", typed, a.Code, a.to(), want)
			}
		}
		for _, typed := range []string{ref, "acme-teammate@demo.test", "acme-teammate", "rson acme-teamm"} {
			a := w.submit("acme-admin", "/find", "q", typed)
			if a.Code != http.StatusSeeOther || a.to() != why && a.to() != "/gateway/admin/attempts/"+ref {
				t.Errorf("an admin of the team types %q: %d to %q", typed, a.Code, a.to())
			}
		}
		if a := w.submit("saskia", "/find", "q", "person"); a.Code != http.StatusOK || strings.Count(a.body, "<li><a ") != 11 {
			t.Errorf("a name of many: %d, %d hits", a.Code, strings.Count(a.body, "<li><a "))
		}
		for _, typed := range []string{"", "zzz", "a b@c d", strings.Repeat("x", 5000), "\x00\xff"} {
			if a := w.submit("saskia", "/find", "q", typed); a.Code != http.StatusOK && a.Code != http.StatusBadRequest {
				t.Errorf("%.20q: %d", typed, a.Code)
			}
		}
	})
}

// Whatever of another team an admin types, opens or follows: it looks as if it were
// not there, to the byte.
func TestTheDeskTellsATeamNothingOfAnother(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		ref := w.failed("acme-teammate")
		nobodys := w.record(attempt.Entry{Cause: cause.UnknownEmail, Typed: "acme-teamate@demo.test"})
		for _, pair := range [][2]string{
			{"acme-teammate@demo.test", "acme-nothere1@demo.test"},
			{ref, "KKK-KKK"},
			{nobodys, "KKK-KKK"},
			{"acme-teammate", "acme-nothere1"},
			{"person acme-teammate", "person acme-nothere1"},
			{"acme", "nope"},
		} {
			a, b := w.submit("rival-admin", "/find", "q", pair[0]), w.submit("rival-admin", "/find", "q", pair[1])
			if a.Code != b.Code || a.to() != b.to() || bare(a.body, pair[0]) != bare(b.body, pair[1]) {
				t.Errorf("%q is answered otherwise than %q:\n%d %s\n%d %s", pair[0], pair[1], a.Code, a.body, b.Code, b.body)
			}
		}
		for _, pair := range [][2]string{
			{"/attempts/" + ref, "/attempts/KKK-KKK"},
			{"/attempts/" + nobodys, "/attempts/KKK-KKK"},
			{of("acme-teammate", "/why"), "/accounts/nope/users/acme-teammate/why"},
			{"/accounts/rival/users/acme-teammate/why", "/accounts/rival/users/nobody/why"},
			{"/accounts/acme/audit", "/accounts/nope/audit"},
			{"/accounts/acme/audit/export", "/accounts/nope/audit/export"},
			{"/accounts/acme/reports", "/accounts/nope/reports"},
			{"/accounts/acme/reports/logins.csv", "/accounts/nope/reports/logins.csv"},
		} {
			a, b := w.get("rival-admin", pair[0]), w.get("rival-admin", pair[1])
			if a.Code != http.StatusNotFound || bare(a.body, pair[0]) != bare(b.body, pair[1]) {
				t.Errorf("%s: %d, and otherwise than %s", pair[0], a.Code, pair[1])
			}
		}
		for _, path := range []string{"/accounts", "/accounts/rival", "/reports", "/keys", "/import", "/locked-out"} {
			if a := w.get("rival-admin", path); a.Code != http.StatusNotFound {
				t.Errorf("%s is open to a team admin: %d", path, a.Code)
			}
		}
		// The own team still sees it.
		if a := w.get("acme-admin", "/attempts/"+nobodys); a.Code != http.StatusOK || !strings.Contains(a.body, "acme-teammate@demo.test") {
			t.Errorf("an attempt close to an address of the team: %d %s", a.Code, a.body)
		}
		if got := w.logged("rival"); slices.ContainsFunc(got, func(l string) bool { return strings.HasPrefix(l, "looked") }) {
			t.Errorf("a team that looks at itself is in the log: %v", got)
		}
	})
}

func TestWhatSupportLooksAtIsInTheLogOfTheTeam(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		ref := w.failed("acme-teammate")
		for path, want := range map[string]string{
			"/attempts/" + ref:                  "looked.attempt acme-teammate",
			of("acme-client", "/why"):           "looked.story acme-client",
			"/accounts/acme":                    "looked.account ",
			"/accounts/acme/reports":            "looked.reports ",
			"/accounts/acme/reports/causes.csv": "looked.reports ",
			"/accounts/acme/audit":              "looked.audit ",
			"/accounts/acme/audit/export":       "audit.exported ",
			"/accounts/acme/users":              "looked.users ",
		} {
			before := len(w.logged("acme"))
			if a := w.get("saskia", path); a.Code != http.StatusOK {
				t.Fatalf("%s: %d %s", path, a.Code, a.body)
			}
			if got := w.logged("acme"); len(got) != before+1 || got[before] != want+" by support" {
				t.Errorf("%s: the log says %q, want %q", path, got[before:], want)
			}
		}
		before := len(w.logged("acme"))
		if a := w.submit("saskia", "/find", "q", "acme-teamm"); a.Code != http.StatusSeeOther {
			t.Fatal(a.Code)
		}
		if got := w.logged("acme"); len(got) != before+1 || got[before] != "looked.users  by support" {
			t.Errorf("a search by name: %q", got[before:])
		}
		// Who cannot be written down is not shown anything.
		w.enter("saskia")
		w.store.away.Store(true)
		if a := w.get("saskia", of("acme-client", "/why")); a.Code != http.StatusServiceUnavailable {
			t.Errorf("%d", a.Code)
		}
	})
}

func TestAStateIsSetByHand(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		set := func(fields ...string) answer { return w.submit("saskia", "/accounts/acme/state", fields...) }
		if a := set("state", "arrears", "unpaid", "3", "blocks_from", "2027-02-01", "reason", "drie facturen", "until", "2027-01-01"); a.Code != http.StatusSeeOther {
			t.Fatalf("%d %s", a.Code, a.body)
		}
		got, err := w.dir.Account(t.Context(), "acme")
		if err != nil || got.State != directory.Arrears || got.UnpaidInvoices != 3 || got.BlocksFrom != "2027-02-01" || got.Reason != "drie facturen" || got.TrialUntil != "" {
			t.Errorf("%+v, %v", got, err)
		}
		// It counts at the next click of everybody in it.
		if a := w.get("acme-admin", "/accounts/acme/users"); a.Code != http.StatusForbidden || a.cause() != string(cause.AccountArrears) {
			t.Errorf("%d %s", a.Code, a.cause())
		}
		for _, wrong := range [][]string{{"state", "trial"}, {"state", "trial", "until", "morgen"}, {"state", "wild"}, {"state", "arrears", "unpaid", "veel"}, {}} {
			if a := set(wrong...); a.Code != http.StatusBadRequest || !strings.Contains(a.body, `role="alert"`) {
				t.Errorf("%v: %d", wrong, a.Code)
			}
		}
		if a := set("state", "active", "id", "other", "epoch", "9", "account", "rival"); a.Code != http.StatusSeeOther {
			t.Errorf("%d", a.Code)
		}
		if got, err = w.dir.Account(t.Context(), "acme"); err != nil || got.State != directory.Active || got.Epoch != 0 || got.UnpaidInvoices != 0 {
			t.Errorf("%+v, %v", got, err)
		}
		if lines := w.logged("acme"); !slices.Contains(lines, "account.state_changed  by support") {
			t.Errorf("the log: %v", lines)
		}
	})
}

func TestWhoIsLockedOutOnADay(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.account(store.Account{ID: "trial", Name: "<b>Trial</b>", State: directory.Trial, TrialUntil: "2027-03-05"})
		w.account(store.Account{ID: "late", Name: "Late", State: directory.Arrears, UnpaidInvoices: 5, BlocksFrom: "2027-03-08"})
		for day, want := range map[string][]string{"2027-03-05": {}, "2027-03-06": {"trial"}, "2027-03-09": {"late", "trial"}} {
			a := w.get("saskia", "/locked-out?day="+day)
			for _, id := range []string{"trial", "late", "acme"} {
				if got := strings.Contains(a.body, "/gateway/admin/accounts/"+id+`"`); got != slices.Contains(want, id) {
					t.Errorf("%s: %s is listed: %v", day, id, got)
				}
			}
			if strings.Contains(a.body, "<b>Trial") {
				t.Error("a name is not text")
			}
		}
		if a := w.get("saskia", "/locked-out?day=gisteren"); a.Code != http.StatusBadRequest {
			t.Errorf("no day: %d", a.Code)
		}
	})
}

// What opens in a spreadsheet runs nothing.
func TestCSVIsSafeToOpen(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for i, address := range []string{"=cmd|'/c'@evil.example", "+1@evil.example", "-2@evil.example", "@x@evil.example", "jan@demo.test"} {
			w.record(attempt.Entry{
				Cause: cause.TooManyAttempts, Method: "password", Typed: address, Network: fmt.Sprintf("192.0.2.%d/32", i+10), RetryAt: w.Now().Add(time.Hour),
			})
			failFor(t, w, attempt.Subject("", address), fmt.Sprintf("192.0.2.%d/32", i+10))
		}
		a := w.get("saskia", "/reports/delays.csv")
		if a.Code != http.StatusOK || !strings.HasPrefix(a.Header().Get("Content-Type"), "text/csv") || !strings.Contains(a.Header().Get("Content-Disposition"), "attachment") {
			t.Fatalf("%d %v", a.Code, a.Header())
		}
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(a.body, "\ufeff"))).ReadAll()
		if err != nil || len(rows) < 4 {
			t.Fatalf("%d rows, %v: %s", len(rows), err, a.body)
		}
		for _, row := range rows {
			for _, cell := range row {
				if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
					t.Errorf("a spreadsheet runs %q", cell)
				}
			}
		}
		for _, file := range []string{"logins.csv", "causes.csv", "mails.csv"} {
			if a := w.get("acme-admin", "/accounts/acme/reports/"+file); a.Code != http.StatusOK {
				t.Errorf("%s: %d", file, a.Code)
			}
		}
		for _, file := range []string{"x.csv", "..%2flogins.csv", "delays"} {
			if a := w.get("saskia", "/reports/"+file); a.Code == http.StatusOK {
				t.Errorf("%s: %d", file, a.Code)
			}
		}
	})
}

// failFor has somebody fail until they have to wait.
func failFor(t *testing.T, w *world, subject, network string) {
	t.Helper()
	failSubject(t, w, subject, network, 6)
}

func TestDelaysAreShownAndLifted(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		stranger := attempt.Subject("", "wie@elders.example")
		failFor(t, w, stranger, "192.0.2.30/32")
		failFor(t, w, attempt.Subject("acme-teammate", ""), "192.0.2.31/32")
		for _, e := range []attempt.Entry{
			{Typed: "wie@elders.example", Network: "192.0.2.30/32"},
			{Typed: "acme-teammate@demo.test", User: "acme-teammate", Account: "acme", Network: "192.0.2.31/32"},
		} {
			e.Cause, e.Method, e.RetryAt = cause.TooManyAttempts, "password", w.Now().Add(30*time.Second)
			w.record(e)
		}
		all := w.get("saskia", "/reports")
		if !strings.Contains(all.body, "wie@elders.example") || !strings.Contains(all.body, "acme-teammate@demo.test") {
			t.Fatalf("support sees %s", all.body)
		}
		for as, account := range map[string]string{"acme-admin": "acme", "rival-admin": "rival"} {
			a := w.get(as, "/accounts/"+account+"/reports")
			if strings.Contains(a.body, "wie@elders.example") || strings.Contains(a.body, "acme-teammate@demo.test") != (account == "acme") {
				t.Errorf("%s sees %s", as, a.body)
			}
		}
		if a := w.submit("saskia", "/delays/clear", "address", "wie@elders.example"); a.Code != http.StatusSeeOther {
			t.Fatalf("%d %s", a.Code, a.body)
		}
		if states, err := w.limits.Show(t.Context(), stranger); err != nil || len(states) != 0 {
			t.Errorf("the delay stays: %v, %v", states, err)
		}
		if a := w.get("saskia", "/reports"); strings.Contains(a.body, "wie@elders.example") {
			t.Error("what was lifted is shown")
		}
		if lines := w.logged(directory.StaffAccount); !slices.Contains(lines, "delays.cleared  by support") {
			t.Errorf("the log of the staff: %v", lines)
		}
		for _, fields := range [][]string{{}, {"network", "nonsense"}, {"account", "acme"}} {
			if a := w.submit("saskia", "/delays/clear", fields...); a.Code != http.StatusNotFound {
				t.Errorf("%v: %d", fields, a.Code)
			}
		}
	})
}

// Names with markup, turned text and placeholders are text wherever the desk shows
// them.
func TestTheDeskShowsHostileNamesAsText(t *testing.T) {
	w := onBolt(t)
	for i, name := range hostile {
		u := w.user(fmt.Sprint("evil-", i), "acme", "teammate")
		rename(w, u.ID, name)
		ref := w.failed(u.ID)
		for _, path := range []string{of(u.ID, "/why"), "/attempts/" + ref} {
			a := w.get("saskia", path)
			if a.Code != http.StatusOK || strings.Contains(a.body, "<script>alert") || strings.Contains(a.body, "\u202e") || len(a.body) > 30_000 {
				t.Errorf("%.40q at %s: %d, %d bytes", name, path, a.Code, len(a.body))
			}
		}
		if a := w.submit("saskia", "/find", "q", name[:min(len(name), 8)]); strings.Contains(a.body, "<script>alert") {
			t.Errorf("%.40q in a search: %s", name, a.body)
		}
	}
}

// Every cause, every action of the log and every kind of mail has its words, in
// both languages.
func TestTheDeskHasWordsForEverything(t *testing.T) {
	pages, err := page.New(page.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, c := range cause.All() {
		ids = append(ids, "story.because."+string(c))
	}
	for _, a := range audit.Actions() {
		ids = append(ids, audit.WordID(a))
	}
	for _, locale := range []string{"nl", "en"} {
		for _, id := range ids {
			if pages.Text(locale, id) == id {
				t.Errorf("%s: no words for %s", locale, id)
			}
		}
	}
}
