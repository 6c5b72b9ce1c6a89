package guard_test

import (
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/guard"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
)

// P28: whatever the directory takes as a name and address, the headers of a request
// stay below 2 KiB, in ASCII, and say the name, or how it begins.
func TestIdentityHeadersAreBounded(t *testing.T) {
	name := rapid.OneOf(
		rapid.StringOfN(rapid.SampledFrom([]rune("ab %ëÇ李👩‍💻🧑🏽")), 1, 200, -1), rapid.StringN(1, 200, -1),
		rapid.Just(strings.Repeat("👩", 200)), rapid.Just("Zoë van 't Hof"),
	)
	local := rapid.StringOfN(rapid.SampledFrom([]rune("aé李%+")), 1, 64, 64)
	id := rapid.StringMatching(`[a-z0-9][a-z0-9-]{0,62}`)
	rapid.Check(t, func(t *rapid.T) {
		called, err := directory.CleanName(name.Draw(t, "name"))
		if err != nil {
			return // nobody is called so
		}
		address, err := directory.Canonical(local.Draw(t, "local") + "@" + strings.Repeat("praktijk.", 20) + "nl")
		if err != nil {
			return
		}
		u := &store.User{ID: id.Draw(t, "user"), Account: id.Draw(t, "account"), Name: called, Email: address, Type: strings.Repeat("t", 32)}
		f := &session.Facts{
			Session: session.NewRecord(&store.Session{Handle: "bdzoqpxlg2ndsh4o", Amr: []string{"fed", "hwk", "user", "mfa"}}),
			User:    session.NewPerson(u), Verdict: &session.Verdict{Account: &store.Account{ID: u.Account, State: directory.Cancelled}},
		}
		told, size := f.Told(), 0
		for i, value := range told {
			size += len(guard.DefaultHeaders[i]) + len(": ") + len(value) + len("\r\n")
			if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Fatalf("no header can carry %q", value)
			}
		}
		if size > 2048 {
			t.Fatalf("%d bytes: %q", size, told)
		}
		said, err := url.PathUnescape(told[session.ValueName])
		if begin, cut := strings.CutSuffix(said, "…"); err != nil || said != called && (!cut || !strings.HasPrefix(called, begin) || len(told[session.ValueName]) < 1000) {
			t.Fatalf("%q is told as %q", called, said)
		}
	})
}
