package cookie_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

// fields are of all kinds that cookies carry, and any others.
func fields() *rapid.Generator[[]string] {
	return rapid.SliceOfN(rapid.OneOf(
		rapid.StringMatching(`[a-z2-7]{16}`), rapid.StringMatching(`[A-Za-z0-9_-]{43}`),
		rapid.StringMatching(`[a-z0-9][a-z0-9-]{0,62}`), rapid.StringMatching(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`),
		rapid.StringMatching(`[A-Za-z0-9_=\r\n-]{0,50}`), rapid.String(),
	), 0, 12)
}

func TestOnlyWhatWasSealedForThisCookieIsOpened(t *testing.T) {
	keys, other := testkit.Keys(t), testkit.Keys(t)
	mine := cookie.NewSealed(cookie.Flow, testkit.Box(t, keys, "flow"))
	others := map[string]*cookie.Sealed{
		"another key":    cookie.NewSealed(cookie.Flow, testkit.Box(t, other, "flow")),
		"another cookie": cookie.NewSealed(cookie.Device, testkit.Box(t, keys, "flow")),
	}
	rapid.Check(t, func(t *rapid.T) {
		put := fields().Draw(t, "fields")
		value := mine.Encode(put...)
		if len(value) > 1024 {
			return // more than is looked at
		}
		if got, ok := mine.Decode(value); !ok || !slices.Equal(got, put) {
			t.Fatalf("%q came back as %q, %v", put, got, ok)
		}
		if err := cookie.New(cookie.Flow, value, cookie.Form{Secure: true}, 0).Valid(); err != nil {
			t.Fatal(err)
		}
		for name, one := range others {
			if _, ok := one.Decode(value); ok {
				t.Fatalf("opened with %s", name)
			}
		}
		if _, ok := mine.Decode(rapid.String().Draw(t, "forged")); ok {
			t.Fatal("a forged value was opened")
		}
	})
	if _, ok := mine.Decode(strings.Repeat("a", 1<<20)); ok {
		t.Error("a megabyte was opened")
	}
}

func TestWhatAnOldSecretSealedIsOpened(t *testing.T) {
	old, current := []byte(secret.Token()), []byte(secret.Token())
	sealed := func(secrets ...[]byte) *cookie.Sealed {
		keys, err := secret.NewKeys(secrets[0], secrets[1:]...)
		testkit.Must(t, err)
		return cookie.NewSealed(cookie.Device, testkit.Box(t, keys, "device"))
	}
	value := sealed(old).Encode("device", "password", "jan")
	if got, ok := sealed(current, old).Decode(value); !ok || len(got) != 3 {
		t.Errorf("after the secret was changed: %q, %v", got, ok)
	}
	if _, ok := sealed(current).Decode(value); ok {
		t.Error("opened after the old secret was taken out")
	}
	if _, ok := sealed(old).Decode(sealed(current, old).Encode("device")); ok {
		t.Error("the old secret still seals")
	}
}

// Ids and tokens of ours, and those that databases make, take the room of their bits.
func TestIdsArePackedInTheirBits(t *testing.T) {
	for text, want := range map[string]int{
		secret.ID(): 10, secret.Token(): 32, "0190163d-8694-739b-aea5-966c26f8ad91": 16, "praktijk-zuid": 13,
		"praktijk zuid, 38 bytes without a form": 38, "": 0,
	} {
		head := 2 // the version, and a length that takes two bytes from 32 on
		if want >= 32 {
			head = 3
		}
		if got := len(cookie.Pack(text)) - head; got != want {
			t.Errorf("%q takes %d bytes, want %d", text, got, want)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(cookie.Pack("praktijk", secret.ID(), secret.Token(), ""))
	f.Add([]byte{2, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		fields, ok := cookie.Unpack(b)
		if !ok {
			return
		}
		if again, ok := cookie.Unpack(cookie.Pack(fields...)); !ok || !slices.Equal(again, fields) {
			t.Errorf("%q became %q", fields, again)
		}
	})
}
