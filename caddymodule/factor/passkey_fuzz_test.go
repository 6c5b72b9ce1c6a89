package factor_test

import (
	"errors"
	"testing"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/factor/softkey"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

// FuzzPasskeyAnswer: whatever is posted as the answer of a passkey, it is refused
// with a reason, by a way in that knows the key and saw the right answer already.
// There is no panic, and nothing that looks as if the store were away.
func FuzzPasskeyAnswer(f *testing.F) {
	clock := testkit.NewClock(testkit.Monday)
	e := testkit.Bolt(f, clock.Now)
	party, err := factor.NewParty("praktijk.test", "Praktijk", "https://login.praktijk.test")
	testkit.Must(f, err)
	factors := factor.New(e, factor.Options{Box: box(f, theSecret), Issuer: "Praktijk", Now: clock.Now, Party: party})
	dir := directory.New(e, directory.Options{Now: clock.Now})
	jan := &store.User{ID: "jan", Account: "acme", Email: "jan@acme.test", Name: "Jan", Type: "teammate", Password: "hash", SecondStep: true}
	testkit.Must(f, dir.CreateAccount(f.Context(), &store.Account{ID: "acme", Name: "Acme", State: directory.Active}))
	testkit.Must(f, dir.CreateUser(f.Context(), jan))

	made, used := seeds(f, e, factors, jan)
	for _, text := range []string{made, used, `{}`, `[]`, `null`, `{"id":"","rawId":"","type":"public-key","response":{}}`, "{\"id\":\"\xff\"}"} {
		f.Add(text)
	}
	// One login that waits is enough: a wrong answer leaves it as it is, and the clock
	// stands still. So nothing is written, and many answers are tried in a second.
	token, err := factors.Open(f.Context(), jan, &store.HalfLogin{Method: "password"})
	testkit.Must(f, err)
	f.Fuzz(func(t *testing.T, text string) {
		ctx := t.Context()
		v, login := factors.Login(ctx, browser, text)
		passed, step := factors.PassKey(ctx, token, text)
		_, action := factors.CheckKey(ctx, jan, session, text)
		if v != nil || passed != nil {
			t.Fatalf("%q gets in", text)
		}
		for what, err := range map[string]error{"login": login, "second step": step, "action": action} {
			var denied *factor.Denied
			if !errors.As(err, &denied) || denied.Reason == "" || denied.Error() == "" {
				t.Errorf("%s with %q: %v", what, text, err)
			}
		}
		// A new key is checked without the store, so the right answer is right for ever.
		var denied *factor.Denied
		if m, err := factors.MakeKey(jan, session, text); err == nil && m == nil || err != nil && (m != nil || !errors.As(err, &denied)) {
			t.Errorf("a new key of %q: %v, %v", text, m, err)
		}
	})
}

// seeds are the answer with which a key of u was made, and one with which it logged
// in.
func seeds(f *testing.F, e store.Engine, factors *factor.Factors, u *store.User) (made, used string) {
	d := &softkey.Device{Origin: "https://login.praktijk.test"}
	made = have(d.Create(have(factors.AskNew(f.Context(), u, session))(f)))(f)
	checked := have(factors.MakeKey(u, session, made))(f)
	testkit.Must(f, e.Update(f.Context(), store.AccountTag(u.Account), func(tx store.Tx) error {
		_, err := factors.AddKey(f.Context(), tx, u, checked, "Phone", "")
		return err
	}))
	used = have(d.Get(have(factors.AskLogin(browser))(f)))(f)
	have(factors.Login(f.Context(), browser, used))(f)
	return made, used
}
