package factor_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/store"
)

// enable puts in force what was set up in a session.
func (w *world) enable(session string) error {
	return w.store.Update(w.t.Context(), store.AccountTag("acme"), func(tx store.Tx) error {
		u, err := store.Users.Read(tx, "jan")
		if err != nil {
			return err
		}
		if err := w.near.Enable(tx, u, session); err != nil {
			return err
		}
		return directory.SaveUser(w.t.Context(), tx, u, w.Now())
	})
}

func (w *world) setup(session string) factor.Setup {
	w.t.Helper()
	s, err := w.far.Setup(w.t.Context(), w.reread(), session)
	must(w.t, err)
	return s
}

func (w *world) status(session string) factor.Status {
	w.t.Helper()
	s, err := w.far.Status(w.t.Context(), w.reread(), session)
	must(w.t, err)
	return s
}

func TestNothingCountsBeforeACodeWasConfirmedAndTheCodesWereStored(t *testing.T) {
	onNodes(t, func(w *world) {
		ctx := w.t.Context()
		if err := w.enable("s1"); !errors.Is(err, factor.ErrNone) {
			w.t.Fatalf("enabled without a set-up: %v", err)
		}
		must(w.t, w.near.Begin(ctx, w.jan, "s1"))
		s := w.setup("s1")
		if len(s.Codes) != 0 || w.reread().SecondStep {
			w.t.Fatalf("codes %v before a code was confirmed", s.Codes)
		}
		if err := w.enable("s1"); !errors.Is(err, factor.ErrNone) {
			w.t.Fatalf("enabled without a confirmed code: %v", err)
		}
		if got := why(w.near.Confirm(ctx, w.jan, "s2", w.code(s.Seed, 0))); got != "none" {
			w.t.Errorf("confirmed in another session: %s", got)
		}
		if _, err := w.near.Setup(ctx, w.jan, "s2"); !errors.Is(err, factor.ErrNone) {
			w.t.Errorf("another session sees the seed: %v", err)
		}
		if got := why(w.near.Confirm(ctx, w.jan, "s1", "000000")); got != "wrong" {
			w.t.Errorf("a wrong code: %s", got)
		}
		if got := why(w.near.Confirm(ctx, w.jan, "s1", w.code(s.Seed, 5*time.Minute))); got != "clock" {
			w.t.Errorf("a clock that is off: %s", got)
		}
		code := w.code(s.Seed, 0)
		must(w.t, w.near.Confirm(ctx, w.jan, "s1", code))
		must(w.t, w.near.Confirm(ctx, w.jan, "s1", code)) // pressed twice
		shown := w.setup("s1").Codes
		if len(shown) != 10 || w.reread().SecondStep || w.status("s1").On {
			w.t.Fatalf("%d codes; on before they were stored: %v", len(shown), w.reread().SecondStep)
		}
		if err := w.enable("s2"); !errors.Is(err, factor.ErrNone) {
			w.t.Errorf("enabled from another session: %v", err)
		}
		must(w.t, w.enable("s1"))
		if st := w.status("s1"); !st.On || st.CodesLeft != 10 || st.Setup {
			w.t.Errorf("%+v", st)
		}
		if _, err := w.near.Setup(ctx, w.reread(), "s1"); !errors.Is(err, factor.ErrNone) {
			w.t.Errorf("seed and codes are shown a second time: %v", err)
		}
		if got := w.pass(w.half(), code); got != "used" {
			w.t.Errorf("the code of the set-up, once more: %s", got)
		}
		for _, c := range shown {
			if got := w.pass(w.half(), c); got != "accepted" {
				w.t.Errorf("recovery code: %s", got)
			}
		}
		w.Push(time.Minute)
		if got := w.pass(w.half(), w.code(s.Seed, 0)); got != "accepted" {
			w.t.Errorf("the app: %s", got)
		}
	})
}

func TestASetupIsForgotten(t *testing.T) {
	onNodes(t, func(w *world) {
		must(w.t, w.near.Begin(w.t.Context(), w.jan, "s1"))
		must(w.t, w.near.Abandon(w.t.Context(), w.jan))
		if _, err := w.near.Setup(w.t.Context(), w.jan, "s1"); !errors.Is(err, factor.ErrNone) {
			w.t.Errorf("abandoned and there: %v", err)
		}
		must(w.t, w.near.Begin(w.t.Context(), w.jan, "s1"))
		w.Push(factor.SetupLife)
		if _, err := w.near.Setup(w.t.Context(), w.jan, "s1"); !errors.Is(err, factor.ErrNone) {
			w.t.Errorf("too old and there: %v", err)
		}
		if _, err := store.Factors.Get(w.t.Context(), w.store, store.AccountTag("acme"), "jan"); !errors.Is(err, store.ErrNotFound) {
			w.t.Errorf("something stays of it: %v", err)
		}
	})
}

func TestANewPhoneAndNewCodesReplaceTheOldWhenTheyAreInForce(t *testing.T) {
	onNodes(t, func(w *world) {
		ctx, old := w.t.Context(), w.enrol()
		must(w.t, w.near.BeginCodes(ctx, w.jan, "s1"))
		fresh := w.setup("s1").Codes
		if len(fresh) != 10 || slices.ContainsFunc(fresh, func(c string) bool { return slices.Contains(old.Codes, c) }) {
			w.t.Fatalf("%v", fresh)
		}
		if got := w.pass(w.half(), old.Codes[0]); got != "accepted" {
			w.t.Errorf("an old code before the new are stored: %s", got)
		}
		if got := w.pass(w.half(), fresh[0]); got != "wrong" {
			w.t.Errorf("a new code before it is stored: %s", got)
		}
		must(w.t, w.enable("s1"))
		if got := w.pass(w.half(), old.Codes[1]); got != "wrong" {
			w.t.Errorf("an old code afterwards: %s", got)
		}
		if got := w.pass(w.half(), fresh[0]); got != "accepted" {
			w.t.Errorf("a new code afterwards: %s", got)
		}
		// Another phone.
		must(w.t, w.near.Begin(ctx, w.reread(), "s1"))
		s := w.setup("s1")
		if got := w.pass(w.half(), w.code(old.Seed, 0)); got != "accepted" {
			w.t.Errorf("the old phone before the new one is in force: %s", got)
		}
		must(w.t, w.near.Confirm(ctx, w.reread(), "s1", w.code(s.Seed, 0)))
		must(w.t, w.enable("s1"))
		w.Push(time.Minute)
		if got := w.pass(w.half(), w.code(old.Seed, 0)); got == "accepted" {
			w.t.Error("the old phone opens afterwards")
		}
		if got := w.pass(w.half(), w.code(s.Seed, 0)); got != "accepted" {
			w.t.Errorf("the new phone: %s", got)
		}
	})
}

func TestOffForgetsAll(t *testing.T) {
	onNodes(t, func(w *world) {
		w.enrol()
		err := w.store.Update(w.t.Context(), store.AccountTag("acme"), func(tx store.Tx) error {
			u, err := store.Users.Read(tx, "jan")
			if err != nil {
				return err
			}
			if err := factor.Off(tx, u); err != nil {
				return err
			}
			return directory.SaveUser(w.t.Context(), tx, u, w.Now())
		})
		must(w.t, err)
		if _, err := store.Factors.Get(w.t.Context(), w.store, store.AccountTag("acme"), "jan"); !errors.Is(err, store.ErrNotFound) || w.reread().SecondStep {
			w.t.Errorf("%v, on: %v", err, w.reread().SecondStep)
		}
	})
}

func TestTrustedDevices(t *testing.T) {
	onNodes(t, func(w *world) {
		ctx := w.t.Context()
		s := w.enrol()
		trusted := func(id string) bool {
			ok, err := w.far.Trusted(ctx, w.reread(), id)
			must(w.t, err)
			return ok
		}
		trust := func(id string) {
			must(w.t, w.near.Trust(ctx, w.reread(), factor.Device{ID: id, Agent: "Firefox / Linux", Network: "192.0.2.1/32"}))
		}
		trust("laptop")
		if !trusted("laptop") || trusted("phone") || trusted("") {
			w.t.Fatal("who is trusted is wrong")
		}
		if d := w.status("").Devices; len(d) != 1 || d[0].Agent != "Firefox / Linux" || !d[0].Until.Equal(w.Now().Add(factor.TrustLife)) {
			w.t.Errorf("%+v", d)
		}
		must(w.t, w.near.Forget(ctx, w.jan, "laptop"))
		if trusted("laptop") {
			w.t.Error("forgotten and trusted")
		}
		ends := map[string]func(){
			"30 days": func() { w.Push(factor.TrustLife) },
			"a new password": func() {
				_, err := w.dir.UpdateUser(ctx, "acme", "jan", func(u *store.User) error {
					u.Password, u.PasswordChanged = "another", w.Now()
					return nil
				})
				must(w.t, err)
			},
			"a log-out everywhere": func() { must(w.t, w.dir.EndSessions(ctx, "acme", "jan")) },
			"a new phone": func() {
				must(w.t, w.near.Begin(ctx, w.reread(), "s1"))
				must(w.t, w.near.Confirm(ctx, w.reread(), "s1", w.code(w.setup("s1").Seed, 0)))
				must(w.t, w.enable("s1"))
			},
		}
		for what, end := range ends {
			trust("laptop")
			end()
			if trusted("laptop") || len(w.status("").Devices) != 0 {
				w.t.Errorf("trusted after %s", what)
			}
		}
		// A device is trusted by the person it was asked for as they were then.
		stale := w.reread()
		must(w.t, w.dir.EndSessions(ctx, "acme", "jan"))
		must(w.t, w.near.Trust(ctx, stale, factor.Device{ID: "late"}))
		if trusted("late") {
			w.t.Error("trusted by a login that was ended")
		}
		for i := range 14 {
			trust(fmt.Sprint("device", i))
		}
		if n := len(w.record().Devices); n > 10 || !trusted("device13") || trusted("device0") {
			w.t.Errorf("%d devices", n)
		}
		_ = s
	})
}

func TestTheQRCodeHoldsTheURL(t *testing.T) {
	path, side, err := factor.QR("otpauth://totp/Cliendo:jan@acme.test?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Cliendo")
	must(t, err)
	if side < 41 || path == "" || path[0] != 'M' {
		t.Errorf("side %d, path %.40q", side, path)
	}
	if _, _, err := factor.QR(string(make([]byte, 5000))); err == nil {
		t.Error("what does not fit was drawn")
	}
}
