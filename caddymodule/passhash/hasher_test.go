package passhash_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/cliendo/gateway/caddymodule/passhash"
)

// cheap are costs for tests that are not about the costs.
var cheap = passhash.Params{Memory: passhash.MinMemory, Time: 1, Threads: 1}

// byReference was made by the reference implementation of Argon2 from "password".
const byReference = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"

func hash(t testing.TB, h *passhash.Hasher, password string) string {
	t.Helper()
	encoded, err := h.Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func verify(t testing.TB, h *passhash.Hasher, encoded, password string) passhash.Result {
	t.Helper()
	r, err := h.Verify(t.Context(), encoded, password, passhash.Place{Network: "192.0.2.1/32"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestPasswordsAreComparedExactlyAsTyped(t *testing.T) {
	h := passhash.New(passhash.Options{Params: cheap})
	rapid.Check(t, func(rt *rapid.T) {
		one := rapid.StringN(1, 40, passhash.MaxLength).Draw(rt, "one")
		other := rapid.OneOf(
			rapid.Just(one), rapid.Just(one+" "), rapid.Just(" "+one), rapid.Just(one+"\x00"),
			rapid.Just(strings.ToUpper(one)), rapid.Just(one[:len(one)-1]), rapid.Just(""), rapid.String(),
		).Draw(rt, "other")
		if got := verify(t, h, hash(t, h, one), other); got.OK != (one == other) {
			rt.Fatalf("%q against the hash of %q: %+v", other, one, got)
		}
	})
}

func TestTheSameComposedLetterInTwoFormsIsTwoPasswords(t *testing.T) {
	h := passhash.New(passhash.Options{Params: cheap})
	if verify(t, h, hash(t, h, "caf\u00e9"), "cafe\u0301").OK {
		t.Error("the password was folded")
	}
}

func TestHashesAreSaltedAndWrittenInTheCommonForm(t *testing.T) {
	h := passhash.New(passhash.Options{})
	one, two := hash(t, h, "wachtwoord"), hash(t, h, "wachtwoord")
	if one == two {
		t.Error("two hashes of one password are equal")
	}
	if want := "$argon2id$v=19$m=19456,t=2,p=1$"; !strings.HasPrefix(one, want) {
		t.Errorf("hash %s does not begin with %s", one, want)
	}
	if got := verify(t, h, one, "wachtwoord"); !got.OK || got.Outdated {
		t.Errorf("own hash: %+v", got)
	}
}

func TestHashesOfOtherCostsAreReadAndCalledOutdated(t *testing.T) {
	h := passhash.New(passhash.Options{Params: cheap})
	if got := verify(t, h, byReference, "password"); !got.OK || !got.Outdated {
		t.Errorf("hash of the reference implementation: %+v", got)
	}
	if got := verify(t, h, byReference, "Password"); got.OK || got.Outdated {
		t.Errorf("wrong password: %+v", got)
	}
	same := passhash.New(passhash.Options{Params: passhash.Params{Memory: 65536, Time: 2, Threads: 1}})
	if got := verify(t, same, byReference, "password"); !got.OK || got.Outdated {
		t.Errorf("same costs: %+v", got)
	}
}

func TestNobodyCostsAsMuchWorkAsSomebody(t *testing.T) {
	h := passhash.New(passhash.Options{Params: cheap})
	encoded := hash(t, h, "wachtwoord")
	for name, try := range map[string]struct{ encoded, password string }{
		"right":             {encoded, "wachtwoord"},
		"wrong":             {encoded, "fout"},
		"nobody":            {"", "wachtwoord"},
		"nobody, empty":     {"", ""},
		"of another scheme": {"$2y$10$abcdefghijklmnopqrstuv", "wachtwoord"},
		"a megabyte":        {encoded, strings.Repeat("w", 1<<20)},
	} {
		_, _, before := h.Stats()
		got, _ := h.Verify(t.Context(), try.encoded, try.password, passhash.Place{})
		if _, _, after := h.Stats(); after-before != 1 {
			t.Errorf("%s: %d hashes", name, after-before)
		}
		if got.OK != (name == "right") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestHashesThatCannotBeTrustedAreRefused(t *testing.T) {
	h := passhash.New(passhash.Options{Params: cheap})
	const saltAndKey = "$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	for _, encoded := range []string{
		"wachtwoord", "$", "$$$$$", "{SSHA}abcdef",
		"$argon2i$v=16$m=64,t=1,p=1" + saltAndKey,
		"$argon2id$v=16$m=64,t=1,p=1" + saltAndKey,
		"$argon2id$v=19$m=262145,t=1,p=1" + saltAndKey,
		"$argon2id$v=19$m=4294967295,t=1,p=1" + saltAndKey,
		"$argon2id$v=19$m=64,t=11,p=1" + saltAndKey,
		"$argon2id$v=19$m=64,t=1,p=9" + saltAndKey,
		"$argon2id$v=19$m=64,t=1,p=300" + saltAndKey,
		"$argon2id$v=19$m=0,t=1,p=1" + saltAndKey,
		"$argon2id$v=19$m=64,t=0,p=1" + saltAndKey,
		"$argon2id$v=19$m=64,t=1,p=0" + saltAndKey,
		"$argon2id$v=19$m=64,t=1" + saltAndKey,
		"$argon2id$v=19$m=64,t=1,p=1,m=262144" + saltAndKey,
		"$argon2id$v=19$m=+64,t=1,p=1" + saltAndKey,
		"$argon2id$v=19$m=64,t=1,p=1$$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$",
		"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAA",
		"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$***",
		"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$" + strings.Repeat("A", 4096),
	} {
		got, err := h.Verify(t.Context(), encoded, "", passhash.Place{})
		if !errors.Is(err, passhash.ErrUnknownScheme) || got.OK {
			t.Errorf("%.60s: %+v, %v", encoded, got, err)
		}
	}
}

func FuzzStoredHashesNeverPanicNorMatch(f *testing.F) {
	f.Add("$argon2id$v=19$m=128,t=2,p=2$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Fuzz(func(t *testing.T, encoded string) {
		// One for each: a costly hash makes all that come after it wait as long.
		h := passhash.New(passhash.Options{Params: cheap})
		if got, _ := h.Verify(t.Context(), encoded, "not the password", passhash.Place{}); got.OK {
			t.Errorf("%q matches", encoded)
		}
	})
}

func TestPasswordsThatCannotBeComparedAreNotHashed(t *testing.T) {
	h := passhash.New(passhash.Options{Params: cheap})
	for _, length := range []int{0, passhash.MaxLength + 1, 1 << 20} {
		if _, err := h.Hash(t.Context(), strings.Repeat("w", length)); !errors.Is(err, passhash.ErrLength) {
			t.Errorf("%d bytes: %v", length, err)
		}
	}
	longest := strings.Repeat("w", passhash.MaxLength)
	encoded := hash(t, h, longest)
	if !verify(t, h, encoded, longest).OK || verify(t, h, encoded, longest+"w").OK {
		t.Error("the longest password is not compared whole")
	}
}

func TestCostsOutOfBoundsAreNamed(t *testing.T) {
	for _, p := range []passhash.Params{
		{Memory: passhash.MinMemory - 1},
		{Memory: passhash.MaxMemory + 1},
		{Time: passhash.MaxTime + 1},
		{Threads: passhash.MaxThreads + 1},
	} {
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), "must be from") {
			t.Errorf("%+v: %v", p, err)
		}
	}
	if err := (passhash.Params{}).Validate(); err != nil {
		t.Errorf("defaults: %v", err)
	}
}

func TestThreeHundredOfOneOfficeAreAllServed(t *testing.T) {
	h := passhash.New(passhash.Options{Params: cheap})
	encoded := hash(t, h, "wachtwoord")
	errs := make([]error, 300)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			r, err := h.Verify(t.Context(), encoded, "wachtwoord", passhash.Place{Network: "192.0.2.1/32"})
			if err == nil && !r.OK {
				err = errors.New("not OK")
			}
			errs[i] = err
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	if running, waiting, total := h.Stats(); running != 0 || waiting != 0 || total != 301 {
		t.Errorf("afterwards %d running, %d waiting, %d hashed", running, waiting, total)
	}
}

func TestWhoHungUpIsNotHashed(t *testing.T) {
	h := passhash.New(passhash.Options{Params: cheap})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Verify(ctx, "", "w", passhash.Place{}); !errors.Is(err, passhash.ErrBusy) || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, _, total := h.Stats(); total != 0 {
		t.Errorf("%d hashes", total)
	}
}

func BenchmarkHash(b *testing.B) {
	h := passhash.New(passhash.Options{})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := h.Hash(b.Context(), "wachtwoord"); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	h := passhash.New(passhash.Options{Workers: 1})
	encoded := hash(b, h, "wachtwoord")
	b.ReportAllocs()
	for b.Loop() {
		verify(b, h, encoded, "wachtwoord")
	}
}

// BenchmarkQueue is what waiting costs without the hash.
func BenchmarkQueue(b *testing.B) {
	h := passhash.New(passhash.Options{})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			release, err := h.Hold(b.Context(), passhash.Place{Network: "192.0.2.1/32"})
			if err != nil {
				b.Fatal(err)
			}
			release()
		}
	})
}
