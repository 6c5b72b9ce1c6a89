package factor_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

// world is one store with Factors on it, for each node.
type world struct {
	*testkit.Clock
	t     *testing.T
	store store.Engine
	dir   *directory.Directory
	near  *factor.Factors
	far   *factor.Factors // of another node, or the same
	jan   *store.User
}

func box(t testing.TB, current string, old ...string) *secret.Box {
	t.Helper()
	var before [][]byte
	for _, o := range old {
		before = append(before, []byte(o))
	}
	keys, err := secret.NewKeys([]byte(current), before...)
	if err != nil {
		t.Fatal(err)
	}
	b, err := keys.NewBox("factor")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const theSecret = "q8Zr1vX0c7Lk2mNp9sTu4wYb6dEf3gHj"

func settle(t *testing.T, c *testkit.Clock, engines ...store.Engine) *world {
	t.Helper()
	open := func(s store.Engine) *factor.Factors {
		party, err := factor.NewParty("praktijk.test", "Praktijk", "https://login.praktijk.test")
		if err != nil {
			t.Fatal(err)
		}
		return factor.New(s, factor.Options{
			Box: box(t, theSecret), Issuer: "Praktijk: app", Now: c.Now, Party: party, Challenges: [][]byte{[]byte("now"), []byte("before")},
		})
	}
	w := &world{Clock: c, t: t, store: engines[0], near: open(engines[0]), far: open(engines[len(engines)-1])}
	w.dir = directory.New(w.store, directory.Options{Now: c.Now})
	if err := w.dir.CreateAccount(t.Context(), &store.Account{ID: "acme", Name: "Acme", State: directory.Active}); err != nil {
		t.Fatal(err)
	}
	w.jan = w.user("jan")
	return w
}

func (w *world) user(name string) *store.User {
	w.t.Helper()
	u := &store.User{ID: name, Account: "acme", Email: name + "@acme.test", Name: name, Type: "teammate", Password: "hash"}
	if err := w.dir.CreateUser(w.t.Context(), u); err != nil {
		w.t.Fatal(err)
	}
	return u
}

// onNodes runs a test on each engine, and on two nodes, in the middle of a time step.
func onNodes(t *testing.T, test func(w *world)) {
	testkit.OnNodes(t, testkit.Monday.Add(7*time.Second), func(t *testing.T, c *testkit.Clock, nodes ...store.Engine) {
		test(settle(t, c, nodes...))
	})
}

// enrol gives jan a second step.
func (w *world) enrol() factor.Setup {
	w.t.Helper()
	s, err := w.near.Enrol(w.t.Context(), w.jan)
	if err != nil {
		w.t.Fatal(err)
	}
	w.jan = w.reread()
	return s
}

func (w *world) reread() *store.User {
	w.t.Helper()
	u, err := w.dir.User(w.t.Context(), "acme", "jan")
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

// code is what an app shows on a clock that is off by so much.
func (w *world) code(seed string, off time.Duration) string {
	w.t.Helper()
	code, err := totp.GenerateCode(seed, w.Now().Add(off))
	if err != nil {
		w.t.Fatal(err)
	}
	return code
}

// half begins a login that waits.
func (w *world) half() string {
	w.t.Helper()
	token, err := w.near.Open(w.t.Context(), w.reread(), &store.HalfLogin{Method: "password", Amr: []string{"pwd"}, Target: "/clients", Remember: true})
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

// why is what became of a code, in a word.
func why(err error) string {
	var wrong *factor.Wrong
	switch {
	case err == nil:
		return "accepted"
	case errors.As(err, &wrong):
		return wrong.Reason
	case errors.Is(err, factor.ErrNone):
		return "none"
	}
	return err.Error()
}

func (w *world) pass(token, code string) string {
	_, err := w.far.Pass(context.Background(), token, code)
	return why(err)
}

// record is what lies in the store of jan's second step.
func (w *world) record() *store.Factor {
	w.t.Helper()
	rec, err := store.Factors.Get(w.t.Context(), w.store, store.AccountTag("acme"), "jan")
	if err != nil {
		w.t.Fatal(err)
	}
	return rec
}
