package factor_test

import (
	"encoding/base32"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/store"
)

// The vectors of RFC 6238, appendix B, for SHA-1; of their eight digits, apps show
// the last six. The one of the year 2603 is beyond the clock of these tests.
func TestCodesAreThoseOfTheStandard(t *testing.T) {
	onNodes(t, func(w *world) {
		w.enrol()
		seed := base32.StdEncoding.EncodeToString([]byte("12345678901234567890"))
		for at, code := range map[int64]string{
			59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924", 2000000000: "69279037",
		} {
			w.Set(time.Unix(at, 0))
			err := w.store.Update(w.t.Context(), store.AccountTag("acme"), func(tx store.Tx) error {
				rec := w.record0(tx)
				rec.Seed, rec.Step = box(w.t, theSecret).Seal([]byte(seed), "seed acme/jan"), 0
				return store.Factors.Put(tx, "jan", rec, time.Time{})
			})
			if err != nil {
				w.t.Fatal(err)
			}
			if got := w.pass(w.half(), code[2:]); got != "accepted" {
				w.t.Errorf("at %d: %s", at, got)
			}
		}
	})
}

func (w *world) record0(tx store.Tx) *store.Factor {
	rec, err := store.Factors.Read(tx, "jan")
	if err != nil {
		w.t.Fatal(err)
	}
	return rec
}

func TestDriftOfOneStepEitherWay(t *testing.T) {
	onNodes(t, func(w *world) {
		s := w.enrol()
		for seconds, want := range map[int]string{
			-90: "clock", -60: "clock", -37: "accepted", -30: "accepted", 0: "accepted", 30: "accepted", 52: "accepted",
			53: "clock", 90: "clock", 300: "clock", -300: "clock", 330: "wrong", -330: "wrong",
		} {
			off := time.Duration(seconds) * time.Second
			w.Push(time.Hour) // 09:00:07 again, and no step that was used
			_, err := w.near.Pass(w.t.Context(), w.half(), w.code(s.Seed, off))
			if got := why(err); got != want {
				w.t.Errorf("a clock off by %s: %s, want %s", off, got, want)
			}
			var wrong *factor.Wrong
			if errors.As(err, &wrong) && wrong.Reason == factor.Clock {
				if d := wrong.Off - off; d < -30*time.Second || d > 30*time.Second {
					w.t.Errorf("a clock off by %s is said to be off by %s", off, wrong.Off)
				}
			}
		}
	})
}

func TestCodesAreReadAsPeopleTypeThem(t *testing.T) {
	onNodes(t, func(w *world) {
		s := w.enrol()
		for _, shape := range []string{"%s %s", "%s-%s", " %s%s ", "%s\u00a0%s", "%s\u2013%s", "\u200b%s%s\t"} {
			w.Push(time.Minute)
			code := w.code(s.Seed, 0)
			typed := strings.Replace(strings.Replace(shape, "%s", code[:3], 1), "%s", code[3:], 1)
			if got := w.pass(w.half(), typed); got != "accepted" {
				w.t.Errorf("%q: %s", typed, got)
			}
		}
		c := s.Codes[0]
		if got := w.pass(w.half(), " "+strings.ToUpper(c[:4])+"-"+c[4:8]+" "+c[8:12]+"\u2014"+c[12:]); got != "accepted" {
			w.t.Errorf("a recovery code in capitals and groups: %s", got)
		}
		for _, typed := range []string{"", " ", "000", strings.Repeat("1", 7), strings.Repeat("a", 1<<16), "\x00", "１２３４５６"} {
			if got := w.pass(w.half(), typed); got != "wrong" {
				w.t.Errorf("%.20q: %s", typed, got)
			}
		}
	})
}

func TestEveryCodeIsGoodOnce(t *testing.T) {
	onNodes(t, func(w *world) {
		s := w.enrol()
		code := w.code(s.Seed, 0)
		before := w.code(s.Seed, -30*time.Second)
		for i, want := range []string{"accepted", "used", "used"} {
			if got := w.pass(w.half(), code); got != want {
				w.t.Errorf("try %d: %s, want %s", i+1, got, want)
			}
		}
		if got := w.pass(w.half(), before); got != "used" {
			w.t.Errorf("the code before the one that was used: %s", got)
		}
		for _, want := range []string{"accepted", "wrong"} {
			if got := w.pass(w.half(), s.Codes[4]); got != want {
				w.t.Errorf("a recovery code: %s, want %s", got, want)
			}
		}
		if n := len(w.record().Codes); n != 9 {
			w.t.Errorf("%d recovery codes left", n)
		}
	})
}

func TestOfFiftyAtOnceOnePasses(t *testing.T) {
	onNodes(t, func(w *world) {
		s := w.enrol()
		for what, code := range map[string]string{"a code": w.code(s.Seed, 0), "a recovery code": s.Codes[0]} {
			tokens := make([]string, 50)
			for i := range tokens {
				tokens[i] = w.half()
			}
			if n := w.race(tokens, code); n != 1 {
				w.t.Errorf("%s opened %d logins", what, n)
			}
		}
		// And one login is used once, whatever opens it.
		one := w.half()
		tokens := make([]string, 9)
		for i := range tokens {
			tokens[i] = one
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		passed := 0
		for i := range tokens {
			wg.Go(func() {
				if w.pass(one, s.Codes[1+i]) == "accepted" {
					mu.Lock()
					defer mu.Unlock()
					passed++
				}
			})
		}
		wg.Wait()
		if passed != 1 || len(w.record().Codes) != 8 {
			w.t.Errorf("one login passed %d times, %d codes left", passed, len(w.record().Codes))
		}
	})
}

// race tries one code on all tokens at once, half of them on each node.
func (w *world) race(tokens []string, code string) (passed int) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	for i, token := range tokens {
		node := w.near
		if i%2 == 1 {
			node = w.far
		}
		wg.Go(func() {
			if _, err := node.Pass(w.t.Context(), token, code); err == nil {
				mu.Lock()
				defer mu.Unlock()
				passed++
			}
		})
	}
	wg.Wait()
	return passed
}

// That a clock is off is told, which says of a guess when it will be right. So it
// never will.
func TestWhatIsToldOfAClockHelpsNobodyGuess(t *testing.T) {
	onNodes(t, func(w *world) {
		s := w.enrol()
		soon := w.code(s.Seed, 4*30*time.Second)
		if got := w.pass(w.half(), soon); got != "clock" {
			w.t.Fatalf("a coming code: %s", got)
		}
		for range 5 {
			w.Push(30 * time.Second)
			if got := w.pass(w.half(), soon); got == "accepted" {
				w.t.Fatal("a code that was told to come was accepted")
			}
		}
		if got := w.pass(w.half(), w.code(s.Seed, 0)); got != "accepted" {
			w.t.Errorf("the owner's next code: %s", got)
		}
	})
}

func TestAHalfFinishedLoginEnds(t *testing.T) {
	ways := map[string]func(w *world, token string){
		"after ten minutes":    func(w *world, _ string) { w.Push(factor.HalfLife) },
		"when it is cancelled": func(w *world, token string) { must(w.t, w.near.Cancel(w.t.Context(), token)) },
		"with a log-out of all": func(w *world, _ string) {
			must(w.t, w.dir.EndSessions(w.t.Context(), "acme", "jan"))
		},
		"with a new password": func(w *world, _ string) {
			_, err := w.dir.UpdateUser(w.t.Context(), "acme", "jan", func(u *store.User) error {
				u.Password, u.PasswordChanged = "another", w.Now()
				return nil
			})
			must(w.t, err)
		},
		"when the second step is switched off": func(w *world, _ string) {
			_, err := w.dir.UpdateUser(w.t.Context(), "acme", "jan", func(u *store.User) error {
				u.SecondStep = false
				return nil
			})
			must(w.t, err)
		},
		"with the user": func(w *world, _ string) { must(w.t, w.dir.DeleteUser(w.t.Context(), "acme", "jan")) },
	}
	for name, end := range ways {
		t.Run(name, func(t *testing.T) {
			onNodes(t, func(w *world) {
				s := w.enrol()
				token := w.half()
				if h, err := w.far.Find(w.t.Context(), token); err != nil || h.Login.Target != "/clients" || !h.Login.Remember || h.User.ID != "jan" {
					w.t.Fatalf("%+v, %v", h, err)
				}
				end(w, token)
				if _, err := w.far.Find(w.t.Context(), token); !errors.Is(err, factor.ErrNone) {
					w.t.Errorf("found: %v", err)
				}
				if got := w.pass(token, w.code(s.Seed, 0)); got != "none" {
					w.t.Errorf("passed: %s", got)
				}
			})
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestForeignTokensAreNothing(t *testing.T) {
	onNodes(t, func(w *world) {
		s := w.enrol()
		w.user("eve")
		token := w.half()
		key := token[strings.LastIndex(token, ".")+1:]
		for _, forged := range []string{
			"", ".", "..", "acme.jan", "acme.jan.", "acme.eve." + key, "other.jan." + key, "acme.jan." + key + "x", "acme.jan.x." + key,
			"acme.jan.*", "acme.jan.../", "a:acme.jan." + key,
		} {
			if _, err := w.near.Find(w.t.Context(), forged); !errors.Is(err, factor.ErrNone) {
				w.t.Errorf("%q: %v", forged, err)
			}
			if got := w.pass(forged, w.code(s.Seed, 0)); got != "none" {
				w.t.Errorf("%q: %s", forged, got)
			}
		}
	})
}

func TestSeedsAreSealedForTheirRow(t *testing.T) {
	onNodes(t, func(w *world) {
		s := w.enrol()
		raw, err := json.Marshal(w.record())
		must(w.t, err)
		if strings.Contains(string(raw), s.Seed) || strings.Contains(string(raw), s.Codes[0]) {
			w.t.Fatalf("a secret lies open: %s", raw)
		}
		// Moved to another row it opens nothing there.
		eve := w.user("eve")
		err = w.store.Update(w.t.Context(), store.AccountTag("acme"), func(tx store.Tx) error {
			eve.SecondStep = true
			if err := store.Users.Put(tx, "eve", eve, time.Time{}); err != nil {
				return err
			}
			return store.Factors.Put(tx, "eve", w.record0(tx), time.Time{})
		})
		must(w.t, err)
		token, err := w.near.Open(w.t.Context(), eve, &store.HalfLogin{})
		must(w.t, err)
		for _, code := range []string{w.code(s.Seed, 0), s.Codes[0]} {
			if got := w.pass(token, code); got != "wrong" {
				w.t.Errorf("jan's code on eve's row: %s", got)
			}
		}
	})
}

func TestAChangedSecretLocksNobodyOut(t *testing.T) {
	onNodes(t, func(w *world) {
		s := w.enrol()
		const next = "Z8Zr1vX0c7Lk2mNp9sTu4wYb6dEf3gHj"
		with := func(current string, old ...string) *factor.Factors {
			return factor.New(w.store, factor.Options{Box: box(w.t, current, old...), Now: w.Now})
		}
		try := func(f *factor.Factors, code string) string {
			_, err := f.Pass(w.t.Context(), w.half(), code)
			return why(err)
		}
		if got := try(with(next), w.code(s.Seed, 0)); got != "wrong" {
			w.t.Errorf("without the old secret: %s", got)
		}
		if got := try(with(next), s.Codes[0]); got != "accepted" {
			w.t.Errorf("a recovery code without the old secret: %s", got)
		}
		if got := try(with(next, theSecret), w.code(s.Seed, 0)); got != "accepted" {
			w.t.Errorf("with the old secret beside it: %s", got)
		}
		w.Push(time.Minute)
		if got := try(with(next), w.code(s.Seed, 0)); got != "accepted" {
			w.t.Errorf("after a login under the new one: %s", got)
		}
	})
}

func TestTheURLForApps(t *testing.T) {
	onNodes(t, func(w *world) {
		s := w.enrol()
		u, err := url.Parse(s.URL)
		must(w.t, err)
		q := u.Query()
		if u.Scheme != "otpauth" || u.Host != "totp" || q.Get("secret") != s.Seed || q.Get("issuer") != "Praktijk  app" ||
			u.Path != "/Praktijk  app:jan@acme.test" || q.Get("digits") != "6" || q.Get("period") != "30" || q.Get("algorithm") != "SHA1" {
			w.t.Errorf("%s", s.URL)
		}
	})
}
