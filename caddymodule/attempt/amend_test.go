package attempt_test

import (
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
)

func TestEveryMailHasItsStory(t *testing.T) {
	onEngines(t, func(t *testing.T, k *kit) {
		r := k.recorder(t, attempt.Options{Caps: attempt.Caps{Subject: 2}})
		e := wrong
		e.Cause, e.Method, e.Asked = cause.None, "recover", true
		one, two := record(t, r, e), record(t, r, e)
		if one == two {
			t.Fatal("two mails share a record")
		}
		if err := r.Mailed(t.Context(), one, "mail-1"); err != nil {
			t.Fatal(err)
		}
		if a := find(t, r, one); !a.Asked || a.Mail != "mail-1" || a.Cause != "" {
			t.Errorf("%+v", a)
		}
		three, four := record(t, r, e), record(t, r, e)
		if three != four {
			t.Error("the cap does not hold for mails")
		}
		for _, unknown := range []string{"", "K7Q-4MD", "no reference"} {
			if err := r.Mailed(t.Context(), unknown, "mail-2"); err != nil {
				t.Errorf("%q: %v", unknown, err)
			}
		}
	})
}

func TestATypedPasswordThatWasRightOnce(t *testing.T) {
	onEngines(t, func(t *testing.T, k *kit) {
		r := k.recorder(t, attempt.Options{})
		ref, until := record(t, r, wrong), k.now().Add(-day)
		if err := r.WasRight(t.Context(), ref, "somebody else", until); err != nil || !find(t, r, ref).Former.IsZero() {
			t.Errorf("told of somebody else: %v", err)
		}
		if err := r.WasRight(t.Context(), ref, wrong.User, until); err != nil {
			t.Fatal(err)
		}
		record(t, r, wrong)
		k.push(time.Minute)
		if err := r.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if a := find(t, r, ref); !a.Former.Equal(until) || a.Count != 2 {
			t.Errorf("%+v", a)
		}
		k.push(91 * day)
		if _, err := r.Find(t.Context(), ref); err == nil {
			t.Error("what was added made the record live longer")
		}
	})
}
