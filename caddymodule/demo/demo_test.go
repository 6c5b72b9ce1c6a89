package demo_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/pquerna/otp/totp"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/demo"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
)

func TestEveryStateHasSomebody(t *testing.T) {
	s, err := boltstore.Open(filepath.Join(t.TempDir(), "demo.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rules := directory.Rules{}
	dir, hasher, ctx := directory.New(s, directory.Options{Rules: rules}), passhash.New(passhash.Options{}), context.Background()
	keys, err := secret.NewKeys([]byte(secret.Token()))
	if err != nil {
		t.Fatal(err)
	}
	box, err := keys.NewBox("second step")
	if err != nil {
		t.Fatal(err)
	}
	factors := factor.New(s, factor.Options{Box: box, Issuer: "demo"})
	if _, err := demo.Seed(ctx, s, dir, hasher, factors, "", time.Now()); err != nil {
		t.Fatal(err)
	}
	people, err := demo.Seed(ctx, s, dir, hasher, factors, "een wachtwoord", time.Now()) // again, on the same folder
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]cause.Cause{
		"owner": "", "admin": "", "teammate": "", "client": "", "twostep": "", "trial": "", "support": "",
		"trial-ended": cause.AccountTrialEnded, "arrears": cause.AccountArrears, "cancelled": cause.AccountCancelled,
		"suspended": cause.AccountSuspended, "blocked": cause.UserBlocked, "notype": cause.TypeDenied,
	}
	if len(people) != len(want) {
		t.Errorf("%d people, want %d", len(people), len(want))
	}
	for _, p := range people {
		u, err := dir.FindByEmail(ctx, p.Email)
		if err != nil {
			t.Fatal(err)
		}
		a, err := dir.Account(ctx, u.Account)
		if err != nil {
			t.Fatal(err)
		}
		login, _, _ := strings.Cut(p.Email, "@")
		if got := rules.May(u, a, time.Now()); got != want[login] {
			t.Errorf("%s: %q, want %q", login, got, want[login])
		}
		if res, err := hasher.Verify(ctx, u.Password, "een wachtwoord", passhash.Place{}); err != nil || !res.OK {
			t.Errorf("%s cannot log in with the password that was given: %v", login, err)
		}
		if login == "twostep" != u.SecondStep || u.SecondStep {
			twostep(t, factors, p, u)
		}
	}
}

// twostep passes with the key that was printed, as with a recovery code.
func twostep(t *testing.T, factors *factor.Factors, p demo.Person, u *store.User) {
	t.Helper()
	code, err := totp.GenerateCode(p.Key, time.Now())
	if err != nil || len(p.Recovery) != 10 {
		t.Fatalf("%s: key %q, %v, %d recovery codes", p.Email, p.Key, err, len(p.Recovery))
	}
	for _, typed := range []string{code, p.Recovery[9]} {
		if _, err := factors.Check(t.Context(), u, typed); err != nil {
			t.Errorf("%s: %v", p.Email, err)
		}
	}
}

func TestTheAppShowsWhatItReceived(t *testing.T) {
	app := httptest.NewServer(demo.App())
	defer app.Close()
	req, err := http.NewRequest(http.MethodGet, app.URL+"/echo?x=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Remote-User", "u1")
	res, err := app.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var got struct {
		Method, Path string
		Headers      map[string][]string
	}
	if err := json.NewDecoder(res.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.Method != "GET" || got.Path != "/echo?x=1" || len(got.Headers["Remote-User"]) != 1 || got.Headers["Remote-User"][0] != "u1" {
		t.Errorf("%+v", got)
	}
	w := httptest.NewRecorder()
	page := httptest.NewRequest(http.MethodPost, "/form", strings.NewReader("note=%3Cscript%3E"))
	page.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	page.Header.Set("Remote-Name", "Zo%C3%AB")
	page.Header.Set("Remote-Email", "zoe@demo.test")
	demo.App().ServeHTTP(w, page)
	if body := w.Body.String(); !strings.Contains(body, "Zoë") || !strings.Contains(body, "&lt;script&gt;") || strings.Contains(body, "<script>") {
		t.Errorf("page: %s", body)
	}
}

func TestTheAppTalksBack(t *testing.T) {
	app := httptest.NewServer(demo.App())
	defer app.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, app.URL+"/ws", nil) //nolint:bodyclose // Dial leaves nothing to close
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	if err := conn.Write(ctx, websocket.MessageText, []byte("hoi")); err != nil {
		t.Fatal(err)
	}
	if _, b, err := conn.Read(ctx); err != nil || string(b) != "hoi" {
		t.Errorf("%q, %v", b, err)
	}
}
