package factor_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/factor/softkey"
	"github.com/cliendo/gateway/caddymodule/store"
)

func TestAPasskeyLogsIn(t *testing.T) {
	onNodes(t, func(w *world) {
		for name, device := range map[string]*softkey.Device{"with a counter": phone(), "synced": {Origin: "https://login.praktijk.test", Synced: true}} {
			w.added(w.jan, device, name)
			for range 3 {
				w.Push(time.Minute)
				if got := w.enter(w.answer(device)); got != "jan" {
					w.t.Errorf("%s: %s", name, got)
				}
			}
		}
		keys := have(w.near.Keys(w.t.Context(), w.jan))(w.t)
		if len(keys) != 2 || !keys[0].Used.Equal(w.Now()) && !keys[1].Used.Equal(w.Now()) || !keys[0].Login || keys[0].Agent != "Chrome / Android" {
			w.t.Errorf("keys %+v", keys)
		}
		if n := w.lines(audit.PasskeyAdded); n != 2 {
			w.t.Errorf("%d lines", n)
		}
	})
}

// Whatever is wrong with an answer, nobody gets in by it.
func TestWhatIsRefusedAtALogin(t *testing.T) {
	onNodes(t, func(w *world) {
		device := phone()
		w.added(w.jan, device, "phone")
		piet := w.user("piet")
		other := phone()
		w.added(piet, other, "of piet")
		with := func(change func(d *softkey.Device)) string {
			d := device.Copy()
			d.Keys()[0].Counter += 1000 // ahead of those that come after
			change(d)
			return w.answer(d)
		}
		asked := have(w.near.AskLogin(browser))(w.t)
		elsewhere := have(device.Get(have(w.near.AskLogin("another browser"))(w.t)))(w.t)
		action := have(device.Get(have(w.near.AskAction(w.t.Context(), w.jan, browser))(w.t)))(w.t)
		stranger := phone()
		stranger.Carry(other.Keys()[0])
		stranger.Handle = "jan"
		mine := device.Copy().Keys()[0]
		for name, c := range map[string]struct{ text, want string }{
			"another site":           {with(func(d *softkey.Device) { d.Origin = "https://login.praktijk.test.evil.test" }), factor.Forged},
			"http":                   {with(func(d *softkey.Device) { d.Origin = "http://login.praktijk.test" }), factor.Forged},
			"another port":           {with(func(d *softkey.Device) { d.Origin = "https://login.praktijk.test:8443" }), factor.Forged},
			"no origin":              {with(func(d *softkey.Device) { d.Origin = "" }), factor.Forged},
			"framed":                 {with(func(d *softkey.Device) { d.Cross = true }), factor.Forged},
			"another domain":         {with(func(d *softkey.Device) { d.Domain = "evil.test" }), factor.Forged},
			"a registration":         {with(func(d *softkey.Device) { d.Type = "webauthn.create" }), factor.Forged},
			"not checked":            {with(func(d *softkey.Device) { d.Unverified = true }), factor.Unverified},
			"nobody there":           {with(func(d *softkey.Device) { d.Absent = true }), factor.Forged},
			"names piet":             {with(func(d *softkey.Device) { d.Handle = "piet" }), factor.Unknown},
			"names nobody":           {with(func(d *softkey.Device) { d.Handle = "-" }), factor.Unknown},
			"names a stranger":       {with(func(d *softkey.Device) { d.Handle = "nobody-has-this-id" }), factor.Unknown},
			"names a path":           {with(func(d *softkey.Device) { d.Handle = "../acme/jan" }), factor.Unknown},
			"key of piet, as jan":    {w.answer(stranger), factor.Unknown},
			"backup flag changed":    {with(func(d *softkey.Device) { d.Synced = true }), factor.Forged},
			"another browser":        {elsewhere, factor.Foreign},
			"made for an action":     {action, factor.Foreign},
			"a challenge of nobody":  {have(device.Copy().Sign(mine, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"))(w.t), factor.Foreign},
			"no challenge":           {have(device.Copy().Sign(mine, ""))(w.t), factor.Foreign},
			"a challenge turned":     {have(device.Copy().Sign(mine, turned(softkey.Challenge(asked))))(w.t), factor.Foreign},
			"nothing":                {"", factor.Malformed},
			"no object":              {"[]", factor.Malformed},
			"too long":               {strings.Repeat(" ", factor.MaxPosted+1), factor.Malformed},
			"as deep as it is long":  {strings.Repeat(`{"a":`, 3000), factor.Malformed},
			"followed by more":       {w.answer(device.Copy()) + "{}", factor.Malformed},
			"another signature":      {replaced(w.t, w.answer(device.Copy()), "response", "signature", "MEUCIQ"), factor.Forged},
			"other client data":      {replaced(w.t, w.answer(device.Copy()), "response", "clientDataJSON", "e30"), factor.Foreign},
			"an id that is not its":  {replaced(w.t, w.answer(device.Copy()), "", "id", "AAAA"), factor.Malformed},
			"data that is too short": {replaced(w.t, w.answer(device.Copy()), "response", "authenticatorData", "AAAA"), factor.Malformed},
		} {
			if got := w.enter(c.text); got != c.want {
				w.t.Errorf("%s: %s, want %s", name, got, c.want)
			}
		}
		if got := w.enter(w.answer(device)); got != "jan" {
			w.t.Errorf("after all that: %s", got)
		}
	})
}

// turned has another last byte.
func turned(text string) string {
	if strings.HasSuffix(text, "A") {
		return text[:len(text)-1] + "E"
	}
	return text[:len(text)-1] + "A"
}

// replaced has another field in an answer.
func replaced(t testing.TB, text, in, field, value string) string {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	part := all
	if in != "" {
		part = all[in].(map[string]any)
	} else {
		all["rawId"] = all["id"]
	}
	part[field] = value
	raw, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestAnAnswerIsGoodOnceAndForFiveMinutes(t *testing.T) {
	onNodes(t, func(w *world) {
		device := phone()
		device.Synced = true // no counter that would refuse it the second time
		w.added(w.jan, device, "phone")
		text := w.answer(device)
		var in, twice atomic.Int32
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				switch _, err := w.far.Login(context.Background(), browser, text); reason(err) {
				case "accepted":
					in.Add(1)
				case factor.Answered:
					twice.Add(1)
				}
			})
		}
		all.Wait()
		if in.Load() != 1 || twice.Load() != 19 {
			w.t.Errorf("of twenty with one answer %d got in and %d were told it was used", in.Load(), twice.Load())
		}
		w.Push(factor.ChallengeLife - aMoment)
		if got := w.enter(text); got != factor.Answered {
			w.t.Errorf("shortly before it lapses: %s", got)
		}
		w.Push(3 * time.Minute)
		if got := w.enter(text); got != factor.Late {
			w.t.Errorf("after it lapsed: %s", got)
		}
		slow := w.answer(device)
		w.Push(factor.ChallengeLife)
		if got := w.enter(slow); got != factor.Late {
			w.t.Errorf("answered too slowly: %s", got)
		}
		if got := w.enter(w.answer(device)); got != "jan" {
			w.t.Errorf("a fresh one: %s", got)
		}
		if n := len(w.list("jan").Answered); n != 1 {
			w.t.Errorf("%d challenges are remembered", n)
		}
	})
}

const aMoment = time.Second

func TestACopyIsFound(t *testing.T) {
	onNodes(t, func(w *world) {
		device := phone()
		w.added(w.jan, device, "key")
		thief := device.Copy()
		for range 2 {
			if got := w.enter(w.answer(device)); got != "jan" {
				w.t.Fatal(got)
			}
		}
		if got := w.enter(w.answer(thief)); got != factor.Copied {
			w.t.Errorf("the copy: %s", got)
		}
		if keys := have(w.near.Keys(w.t.Context(), w.jan))(w.t); !keys[0].Copied.Equal(w.Now()) {
			w.t.Errorf("the list does not say it: %+v", keys[0])
		}
		if n := w.lines(audit.PasskeyCopied); n != 1 {
			w.t.Errorf("%d lines", n)
		}
		if got := w.enter(w.answer(device)); got != "jan" {
			w.t.Errorf("the one it was copied from: %s", got)
		}
	})
}

func TestADeletedUserAndADeletedKeyAreUnknown(t *testing.T) {
	onNodes(t, func(w *world) {
		device, spare := phone(), phone()
		k := w.added(w.jan, device, "phone")
		w.added(w.jan, spare, "spare")
		err := w.account(func(ctx context.Context, tx store.Tx) error {
			_, err := w.far.RemoveKey(ctx, tx, w.jan, k.ID, factor.Ways{})
			return err
		})
		if err != nil {
			w.t.Fatal(err)
		}
		if got := w.enter(w.answer(device)); got != factor.Unknown {
			w.t.Errorf("a key that was deleted: %s", got)
		}
		if got := w.enter(w.answer(spare)); got != "jan" {
			w.t.Errorf("the other one: %s", got)
		}
		if err := w.dir.DeleteUser(w.t.Context(), "acme", "jan"); err != nil {
			w.t.Fatal(err)
		}
		if got := w.enter(w.answer(spare)); got != factor.Unknown {
			w.t.Errorf("of a user who is gone: %s", got)
		}
		// Somebody new under the same id has none of it.
		w.jan = w.user("jan")
		if got := w.enter(w.answer(spare)); got != factor.Unknown {
			w.t.Errorf("as somebody new of the same name: %s", got)
		}
	})
}

func TestWhatIsRefusedWhenAKeyIsAdded(t *testing.T) {
	onNodes(t, func(w *world) {
		device := phone()
		w.added(w.jan, device, "phone")
		piet := w.user("piet")
		asked := func(u *store.User, session string) string { return have(w.near.AskNew(w.t.Context(), u, session))(w.t) }
		made := func(asked string, change func(d *softkey.Device)) string {
			d := phone()
			change(d)
			return have(d.Create(asked))(w.t)
		}
		asIs := func(*softkey.Device) {}
		for name, c := range map[string]struct{ text, want string }{
			"another site":    {made(asked(w.jan, session), func(d *softkey.Device) { d.Origin = "https://evil.test" }), factor.Forged},
			"another domain":  {made(asked(w.jan, session), func(d *softkey.Device) { d.Domain = "evil.test" }), factor.Forged},
			"an assertion":    {made(asked(w.jan, session), func(d *softkey.Device) { d.Type = "webauthn.get" }), factor.Forged},
			"nobody there":    {made(asked(w.jan, session), func(d *softkey.Device) { d.Absent = true }), factor.Forged},
			"another session": {made(asked(w.jan, "another"), asIs), factor.Foreign},
			"another user":    {made(asked(piet, session), asIs), factor.Foreign},
			"an answer":       {w.answer(device), factor.Malformed},
			"nothing":         {"", factor.Malformed},
			"too long":        {strings.Repeat("x", factor.MaxPosted+1), factor.Malformed},
			"the same key":    {have(device.Attest(device.Keys()[0], softkey.Challenge(asked(w.jan, session))))(w.t), factor.Twice},
		} {
			if _, err := w.register(w.jan, c.text, "x"); reason(err) != c.want {
				w.t.Errorf("%s: %v, want %s", name, err, c.want)
			}
		}
		if _, err := device.Create(asked(w.jan, session)); err == nil {
			w.t.Error("a device is not told that it has a key already")
		}
		text := made(asked(w.jan, session), asIs)
		if _, err := w.register(w.jan, text, "once"); err != nil {
			w.t.Error(err)
		}
		w.Push(factor.ChallengeLife)
		if _, err := w.register(w.jan, text, "late"); reason(err) != factor.Late {
			w.t.Errorf("late: %v", err)
		}
	})
}

// Without an attestation anybody can say that a key is theirs. It gets them
// nothing: neither into the account it opens, nor its owner into theirs.
func TestRegisteringTheKeyOfSomebodyElse(t *testing.T) {
	onNodes(t, func(w *world) {
		device := phone()
		w.added(w.jan, device, "phone")
		mallory := w.user("mallory")
		asked := have(w.near.AskNew(w.t.Context(), mallory, session))(w.t)
		text := have(device.Attest(device.Keys()[0], softkey.Challenge(asked)))(w.t)
		if _, err := w.register(mallory, text, "stolen"); err != nil {
			w.t.Fatal(err)
		}
		if got := w.enter(w.answer(device)); got != "jan" {
			w.t.Errorf("jan gets in as %s", got)
		}
		own := phone()
		w.added(mallory, own, "own")
		own.Handle = "jan"
		if got := w.enter(w.answer(own)); got != factor.Unknown {
			w.t.Errorf("mallory gets in as %s", got)
		}
	})
}

func TestTwentyKeysAndNoMore(t *testing.T) {
	onNodes(t, func(w *world) {
		for range factor.MaxKeys {
			w.added(w.jan, phone(), "one of many")
		}
		if _, err := w.add(w.jan, phone(), "one too many"); reason(err) != factor.TooMany {
			w.t.Error(err)
		}
	})
}

// What cannot be used with the domain of today is kept, said to be so, and asked
// of nobody.
func TestKeysOfAnotherDomain(t *testing.T) {
	onNodes(t, func(w *world) {
		device := phone()
		w.added(w.jan, device, "phone")
		party := have(factor.NewParty("elders.test", "Elders", "https://elders.test"))(w.t)
		moved := factor.New(w.store, factor.Options{Box: box(w.t, theSecret), Now: w.Now, Party: party, Challenges: [][]byte{[]byte("now")}})
		if keys := have(moved.Keys(w.t.Context(), w.jan))(w.t); len(keys) != 1 || !keys[0].Elsewhere {
			w.t.Errorf("%+v", keys)
		}
		if has := have(moved.Means(w.t.Context(), w.jan))(w.t); has.Keys {
			w.t.Error("a key that cannot be used is offered")
		}
		device.Origin, device.Domain = "https://elders.test", "elders.test"
		text := have(device.Sign(device.Keys()[0], softkey.Challenge(have(moved.AskLogin(browser))(w.t))))(w.t)
		if _, err := moved.Login(w.t.Context(), browser, text); reason(err) != factor.Unknown {
			w.t.Error(err)
		}
		if _, err := factor.New(w.store, factor.Options{Box: box(w.t, theSecret)}).AskLogin(browser); err == nil {
			w.t.Error("there is no domain, and a challenge")
		}
	})
}

func TestTheSecretBeforeIsStillGood(t *testing.T) {
	onNodes(t, func(w *world) {
		device := phone()
		w.added(w.jan, device, "phone")
		party := have(factor.NewParty("praktijk.test", "Praktijk", "https://login.praktijk.test"))(w.t)
		before := factor.New(w.store, factor.Options{Now: w.Now, Party: party, Challenges: [][]byte{[]byte("before")}})
		strange := factor.New(w.store, factor.Options{Now: w.Now, Party: party})
		if got := w.enter(have(device.Get(have(before.AskLogin(browser))(w.t)))(w.t)); got != "jan" {
			w.t.Errorf("asked with the secret of before: %s", got)
		}
		if got := w.enter(have(device.Get(have(strange.AskLogin(browser))(w.t)))(w.t)); got != factor.Foreign {
			w.t.Errorf("asked with a secret of nobody: %s", got)
		}
	})
}

func TestDomainsAndHosts(t *testing.T) {
	for host, fits := range map[string]bool{
		"praktijk.test": true, "login.praktijk.test": true, "LOGIN.praktijk.test:8443": true, "a.b.praktijk.test.": true,
		"": false, "xpraktijk.test": false, "praktijk.test.evil": false, "test": false, "127.0.0.1": false, "[::1]:8080": false,
	} {
		party := have(factor.NewParty("praktijk.test", "P", "https://praktijk.test"))(t)
		if party.Fits(host) != fits {
			t.Errorf("%q: %t", host, !fits)
		}
	}
	for _, id := range []string{"127.0.0.1", "::1", "https://praktijk.test", "praktijk.test:8080"} {
		if _, err := factor.NewParty(id, "P", "https://praktijk.test"); err == nil {
			t.Errorf("passkeys for %q", id)
		}
	}
	if (*factor.Party)(nil).Fits("praktijk.test") {
		t.Error("where there is no domain a host fits")
	}
}
