package proof_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/limit"
	"github.com/cliendo/gateway/caddymodule/outbox"
	"github.com/cliendo/gateway/caddymodule/passhash"
	"github.com/cliendo/gateway/caddymodule/proof"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
	"github.com/cliendo/gateway/caddymodule/ticket"
)

const password = "Kq7Wm3tRzPdv4F"

// world is a prover with all it stands on. A hash is the password itself.
type world struct {
	*proof.Prover
	t       *testing.T
	shift   atomic.Int64
	store   store.Engine
	dir     *directory.Directory
	factors *factor.Factors
	mu      sync.Mutex
	code    string // the last that was mailed
	noted   []attempt.Entry
	full    bool // no more mails
	busy    bool // the hasher
}

func (w *world) now() time.Time       { return time.Now().Add(time.Duration(w.shift.Load())) }
func (w *world) push(d time.Duration) { w.shift.Add(int64(d)) }

func (w *world) Verify(_ context.Context, encoded, typed string, _ passhash.Place) (passhash.Result, error) {
	switch {
	case w.busy:
		return passhash.Result{}, passhash.ErrBusy
	case encoded == "odd":
		return passhash.Result{}, passhash.ErrUnknownScheme
	}
	return passhash.Result{OK: encoded == typed}, nil
}

func (w *world) Note(_ context.Context, e attempt.Entry) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.noted = append(w.noted, e)
	return "K7Q-4MD"
}

func (w *world) Allow(context.Context, outbox.Request) error {
	if w.full {
		return &outbox.TooMany{Until: w.now().Add(time.Hour)}
	}
	return nil
}

func (w *world) Send(ctx context.Context, d outbox.Draft, with func(store.Tx) error) error {
	w.mu.Lock()
	w.code = d.Letter.Code
	w.mu.Unlock()
	return w.store.Update(ctx, d.Owner.Tag, with)
}

func (w *world) SendAll(context.Context, []outbox.Draft, func(store.Tx) error) error {
	return errors.New("nobody sends several here")
}

func onStores(t *testing.T, test func(w *world)) {
	t.Run("bolt", func(t *testing.T) {
		w := &world{t: t}
		w.settle(testkit.Bolt(t, w.now))
		test(w)
	})
	t.Run("redis", func(t *testing.T) {
		w := &world{t: t}
		w.settle(testkit.Redis(t, w.now, 1)[0])
		test(w)
	})
}

func (w *world) settle(e store.Engine) {
	t := w.t
	w.store = e
	keys := testkit.Keys(t)
	w.dir = directory.New(e, directory.Options{Now: w.now})
	w.factors = factor.New(e, factor.Options{Box: testkit.Box(t, keys, "factor"), Issuer: "Test", Now: w.now})
	w.Prover = proof.New(proof.Options{
		Codes: ticket.New(e, ticket.Options{Key: keys.Derive("tickets"), Mails: w, Now: w.now}), Quota: w, Origin: "https://app.example/gateway",
		Directory: w.dir, Limits: limit.New(e, limit.Config{}, w.now), Hasher: w, Attempts: w, Factors: w.factors,
	})
	testkit.Must(t, w.dir.CreateAccount(t.Context(), &store.Account{ID: "acme", Name: "Acme", State: directory.Active}))
	testkit.Must(t, w.dir.CreateUser(t.Context(), &store.User{
		ID: "jan", Account: "acme", Email: "jan@acme.test", Name: "Jan", Type: "teammate", Password: password,
	}))
}

var jan = proof.Person{Account: "acme", User: "jan", Network: "192.0.2.1/32", Agent: "Firefox", Browser: "one", Session: "h4ndl3", Locale: "nl"}

func (w *world) jan() *store.User {
	w.t.Helper()
	u, err := w.dir.User(w.t.Context(), "acme", "jan")
	testkit.Must(w.t, err)
	return u
}

func (w *world) edit(fn func(u *store.User)) {
	w.t.Helper()
	_, err := w.dir.UpdateUser(w.t.Context(), "acme", "jan", func(u *store.User) error {
		fn(u)
		return nil
	})
	testkit.Must(w.t, err)
}

// want says which cause a proof was refused for; None: it was not.
func (w *world) want(err error, c cause.Cause) {
	w.t.Helper()
	var wrong *proof.Wrong
	var refused *limit.Refused
	got := cause.None
	switch {
	case err == nil:
	case errors.As(err, &wrong):
		if got = wrong.Cause; !errors.Is(err, proof.ErrWrong) || wrong.Reference == "" {
			w.t.Errorf("%+v", wrong)
		}
	case errors.As(err, &refused):
		got = cause.TooManyAttempts
	default:
		w.t.Fatal(err)
	}
	if got != c {
		w.t.Errorf("refused for %q, want %q", got, c)
	}
}

func TestPasswords(t *testing.T) {
	onStores(t, func(w *world) {
		ctx := w.t.Context()
		for typed, c := range map[string]cause.Cause{
			password: cause.None, " " + password + "\n": cause.None, "\u200b" + password: cause.None, "": cause.WrongPassword, "no": cause.WrongPassword,
		} {
			w.want(w.Password(ctx, jan, typed), c)
		}
		// What somebody chose is compared as it was typed.
		w.edit(func(u *store.User) { u.PasswordChosen = true })
		w.want(w.Password(ctx, jan, " "+password), cause.WrongPassword)
		w.want(w.Password(ctx, jan, password), cause.None)
		// A hash that nobody can read is a wrong password, and one that is told of.
		w.edit(func(u *store.User) { u.Password = "odd" })
		w.want(w.Password(ctx, jan, password), cause.WrongPassword)
		if e := w.noted[0]; e.Method != proof.Method || e.User != "jan" || e.Account != "acme" || e.Session != "h4ndl3" || e.Typed != "jan@acme.test" {
			w.t.Errorf("noted: %+v", e)
		}
		nobody := jan
		nobody.User = "eve"
		for _, err := range []error{w.Password(ctx, nobody, password), w.SecondStep(ctx, nobody, "1"), w.Code(ctx, nobody, "1"), w.Mail(ctx, nobody)} {
			if !errors.Is(err, store.ErrNotFound) {
				w.t.Errorf("for nobody: %v", err)
			}
		}
	})
}

// Tries are counted with those of logins, in parallel too, and a busy hasher costs none.
func TestLimits(t *testing.T) {
	onStores(t, func(w *world) {
		ctx := w.t.Context()
		w.busy = true
		for range 10 {
			if err := w.Password(ctx, jan, password); !errors.Is(err, passhash.ErrBusy) {
				w.t.Fatal(err)
			}
		}
		w.busy = false
		w.want(w.Password(ctx, jan, password), cause.None)
		var looked atomic.Int32
		var all sync.WaitGroup
		for range 30 {
			all.Go(func() {
				if errors.Is(w.Password(context.WithoutCancel(ctx), jan, "wrong"), proof.ErrWrong) {
					looked.Add(1)
				}
			})
		}
		all.Wait()
		if n := looked.Load(); n != 5 {
			w.t.Errorf("%d guesses were looked at", n)
		}
		w.want(w.Password(ctx, jan, password), cause.TooManyAttempts)
		w.push(time.Hour)
		w.want(w.Password(ctx, jan, password), cause.None)
	})
}

func TestSecondSteps(t *testing.T) {
	onStores(t, func(w *world) {
		ctx := w.t.Context()
		if err := w.SecondStep(ctx, jan, "000000"); !errors.Is(err, factor.ErrNone) {
			w.t.Errorf("without one: %v", err)
		}
		s, err := w.factors.Enrol(ctx, w.jan())
		testkit.Must(w.t, err)
		code := func(off time.Duration) string {
			c, err := totp.GenerateCode(s.Seed, w.now().Add(off))
			testkit.Must(w.t, err)
			return c
		}
		right := code(0)
		w.want(w.SecondStep(ctx, jan, right), cause.None)
		var wrong *proof.Wrong
		for typed, reason := range map[string]string{right: factor.Used, "nothing": factor.Mistyped, code(4 * time.Minute): factor.Clock} {
			if err := w.SecondStep(ctx, jan, typed); !errors.As(err, &wrong) || wrong.Cause != cause.SecondStepFailed || wrong.Reason != reason {
				w.t.Errorf("%q: %v, want %s", typed, wrong, reason)
			}
		}
		w.want(w.SecondStep(ctx, jan, s.Codes[0]), cause.None) // right: the failures are forgotten
		for range 5 {
			w.want(w.SecondStep(ctx, jan, s.Codes[0]), cause.SecondStepFailed)
		}
		w.want(w.SecondStep(ctx, jan, s.Codes[1]), cause.TooManyAttempts)
		w.want(w.Password(ctx, jan, password), cause.None) // another budget
	})
}

func TestMailedCodes(t *testing.T) {
	onStores(t, func(w *world) {
		ctx := w.t.Context()
		elsewhere := jan
		elsewhere.Browser = "another"
		w.want(w.Code(ctx, jan, "000000"), cause.WrongPassword) // none was asked for
		testkit.Must(w.t, w.Mail(ctx, jan))
		code := w.code
		w.want(w.Code(ctx, elsewhere, code), cause.WrongPassword)
		w.want(w.CodeFits(ctx, elsewhere, code), cause.WrongPassword)
		for range 3 {
			w.want(w.CodeFits(ctx, jan, code), cause.None) // fits, and stays
		}
		w.want(w.Code(ctx, jan, code), cause.None)
		w.want(w.Code(ctx, jan, code), cause.WrongPassword)
		w.want(w.CodeFits(ctx, jan, code), cause.WrongPassword)
		testkit.Must(w.t, w.Mail(ctx, jan))
		old := w.code
		testkit.Must(w.t, w.Mail(ctx, jan))
		if old != w.code {
			w.want(w.Code(ctx, jan, old), cause.WrongPassword) // the newest counts
		}
		w.push(ticket.CodeLife)
		w.want(w.Code(ctx, jan, w.code), cause.WrongPassword)
		w.full = true
		var many *outbox.TooMany
		if err := w.Mail(ctx, jan); !errors.As(err, &many) {
			w.t.Errorf("too many mails: %v", err)
		}
	})
}

// Comparing without using up counts guesses all the same: it is no way around them.
func TestGuessesThroughFits(t *testing.T) {
	onStores(t, func(w *world) {
		ctx := w.t.Context()
		testkit.Must(w.t, w.Mail(ctx, jan))
		guess := "111111"
		if guess == w.code {
			guess = "222222"
		}
		for range ticket.DefaultCodes().PerMail {
			w.want(w.CodeFits(ctx, jan, guess), cause.WrongPassword)
		}
		w.want(w.Code(ctx, jan, w.code), cause.WrongPassword)
	})
}

// Of many who come with one code at once, one proves it.
func TestACodeIsUsedOnce(t *testing.T) {
	onStores(t, func(w *world) {
		ctx := context.WithoutCancel(w.t.Context())
		testkit.Must(w.t, w.Mail(ctx, jan))
		var passed atomic.Int32
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if w.Code(ctx, jan, w.code) == nil {
					passed.Add(1)
				}
			})
		}
		all.Wait()
		if n := passed.Load(); n != 1 {
			w.t.Errorf("one code proved it %d times", n)
		}
	})
}

func TestWithoutMail(t *testing.T) {
	p := proof.New(proof.Options{})
	if p.Mails() || !errors.Is(p.Mail(t.Context(), jan), proof.ErrNoMail) || !errors.Is(p.Code(t.Context(), jan, "1"), proof.ErrNoMail) {
		t.Error("codes are mailed where no mail is configured")
	}
}

func TestWhenAProofIsDue(t *testing.T) {
	now := time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)
	for ago, due := range map[time.Duration]bool{
		0: false, proof.Life - 1: false, proof.Life: true, time.Hour: true, -30 * time.Second: false, -2 * time.Minute: true,
	} {
		if proof.Due(now.Add(-ago), now) != due {
			t.Errorf("%s ago: due is %v", ago, !due)
		}
	}
	if !proof.Due(time.Time{}, now) {
		t.Error("never is not due")
	}
}
