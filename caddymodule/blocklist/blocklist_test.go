package blocklist_test

import (
	"strings"
	"testing"

	"github.com/cliendo/gateway/caddymodule/blocklist"
)

var context = []string{"Cliendo", "Praktijk De Linde", "Eddy van den Berg", "eddy@delinde.example"}

func TestWhatIsEasilyGuessedIsNamed(t *testing.T) {
	for password, want := range map[string]string{
		"password": blocklist.Common, "Password1": blocklist.Common, "P@ssw0rd!": blocklist.Common, "iloveyou2": blocklist.Common,
		"Welkom01": blocklist.Common, "W3lk0m!": blocklist.Common, "Zomer2026!": blocklist.Common, "wachtwoord": blocklist.Common,
		"FEYENOORD1": blocklist.Common, "12345678": blocklist.Common, "!!welkom!!": blocklist.Common,
		"Cliendo2026": blocklist.Context, "cl1end0!": blocklist.Context, "DeLinde01": blocklist.Context, "eddyvandenberg": blocklist.Context,
		"Eddy1234": blocklist.Context, "eddy@delinde.example": blocklist.Context, "EddyCliendo7": blocklist.Context,
		"xyyxyyxxyyxy": blocklist.Simple, "xzxzxzxzxz": blocklist.Simple, "fghijklmno": blocklist.Simple, "poiuytrew": blocklist.Simple,
		"Eddydebeste": "", "groene fiets op zolder": "", "Linde7-kastanje": "", "hN7kPxW4mRt9Qb": "", "welkom in de praktijk": "",
	} {
		if got := blocklist.Why(password, context...); got != want {
			t.Errorf("%q: %q, want %q", password, got, want)
		}
	}
}

func TestTheListIsWhole(t *testing.T) {
	if n := blocklist.Size(); n < 15_000 {
		t.Errorf("only %d common passwords", n)
	}
	long := 0
	for _, p := range []string{"password", "superman1", "basketball", "computer1", "princess1"} {
		if blocklist.Why(p) == blocklist.Common {
			long++
		}
	}
	if long != 5 {
		t.Errorf("%d of 5 are known", long)
	}
	if blocklist.Why("") == blocklist.Common {
		t.Error("an empty line of the list counts as a password")
	}
}

func TestAnythingCanBeAsked(t *testing.T) {
	for _, odd := range []string{"", "\x00", "\xff\xfe", strings.Repeat("x1", 100_000), "日本語のパスワード", "é", "🦊🦊🦊🦊🦊🦊🦊🦊"} {
		blocklist.Why(odd, odd, "", " ")
	}
}
