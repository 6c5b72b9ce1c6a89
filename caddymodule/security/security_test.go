package security_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cliendo/gateway/caddymodule/attempt"
	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/factor"
	"github.com/cliendo/gateway/caddymodule/outbox/letter"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/testkit"
)

func TestTheSecondStepFromQRCodeToOff(t *testing.T) {
	onStores(t, func(h *house) {
		b, other := h.login(), h.login()
		half, err := h.factors.Open(context.Background(), h.jan(), &store.HalfLogin{})
		testkit.Must(h.t, err)
		h.want(b.get(""), 200, "", "")
		h.want(b.post("/second-step/start", "password", password), 303, "", "/gateway/security/second-step")
		setup := b.get("/second-step?to=%2Fclients").Body.String()
		for _, piece := range []string{`<svg class="qr"`, "<path d=\"M4 4h7", `href="otpauth://totp/Test:jan@example.test?secret=`, "to=%2Fclients"} {
			if !strings.Contains(setup, piece) {
				h.t.Errorf("no %s on the page: %s", piece, setup)
			}
		}
		if strings.Contains(setup, "style=") || strings.Contains(setup, "data:") {
			h.t.Error("the page holds what its policy forbids")
		}
		seed := strings.ReplaceAll(keyShown.FindStringSubmatch(setup)[1], " ", "")
		h.want(b.post("/second-step/on", "stored", "1"), 303, "", "/gateway/security/second-step") // nothing is confirmed
		h.want(b.post("/second-step/confirm", "code", "1234"), 401, cause.SecondStepFailed, "")
		h.want(b.post("/second-step/confirm", "code", h.code(seed)), 303, "", "/gateway/security/second-step")
		codes := b.codes()
		if len(codes) != 10 || strings.Contains(b.get("/second-step").Body.String(), "otpauth") {
			h.t.Fatalf("%d codes", len(codes))
		}
		h.want(b.post("/second-step/on"), 400, cause.BadRequest, "") // not stored
		if h.jan().SecondStep {
			h.t.Fatal("on before the codes were stored")
		}
		file := b.post("/second-step/download")
		if !strings.Contains(file.Header().Get("Content-Disposition"), "attachment; filename=") || file.Header().Get("Cache-Control") != "no-store" {
			h.t.Errorf("%v", file.Header())
		}
		for _, c := range codes {
			if !strings.Contains(file.Body.String(), c) {
				h.t.Errorf("%q is not in the file", c)
			}
		}
		h.want(b.post("/second-step/on", "stored", "1"), 303, "", "/gateway/security/second-step?done=on")
		if c, f := b.in(); c != cause.None || !h.jan().SecondStep || time.Since(f.AuthTime()) > time.Minute {
			h.t.Errorf("this session: %q", c)
		}
		if c, _ := other.in(); c != cause.SessionEnded {
			h.t.Errorf("the other session: %q", c)
		}
		if _, err := h.factors.Find(context.Background(), half); err == nil {
			h.t.Error("a login that was half-way goes on")
		}
		h.noSetup(b) // shown once
		h.want(b.post("/second-step/download"), 303, "", "/gateway/security/second-step")
		if page := b.get("/second-step"); testkit.Attr(page, "data-second-step") != "on" || strings.Contains(page.Body.String(), codes[0]) {
			h.t.Errorf("%s", page.Body)
		}
		// Off: both proofs, and a mail.
		h.push(time.Minute)
		other = h.login()
		h.want(b.post("/second-step/off", "password", password), 401, cause.SecondStepFailed, "")
		h.want(b.post("/second-step/off", "password", "wrong", "code", h.code(seed)), 401, cause.WrongPassword, "")
		if got := h.letters(); !h.jan().SecondStep || got != letter.SecondStepOn {
			h.t.Fatalf("off without both proofs, or %s", got)
		}
		h.want(b.post("/second-step/off", "password", " "+password+"\n", "code", h.code(seed)), 303, "", "/gateway/security/second-step?done=off")
		if last := h.mails[len(h.mails)-1]; h.jan().SecondStep || len(h.mails) != 2 || last.Letter.Kind != letter.SecondStepOff ||
			last.To != "jan@example.test" || last.Letter.NotMe == "" {
			h.t.Errorf("on: %v, mails: %+v", h.jan().SecondStep, h.mails)
		}
		if c, _ := b.in(); c != cause.None {
			h.t.Errorf("this session: %q", c)
		}
		if c, _ := other.in(); c != cause.SessionEnded {
			h.t.Errorf("the other session: %q", c)
		}
		if _, err := store.Factors.Get(context.Background(), h.engine, store.AccountTag("praktijk"), "jan"); err == nil {
			h.t.Error("the seed stays")
		}
	})
}

func TestTheSecondStepStaysOnWhenNobodyCanBeTold(t *testing.T) {
	onStores(t, func(h *house) {
		b := h.login()
		seed, _ := b.setUp()
		h.push(time.Minute)
		h.mailDown = true
		h.want(b.post("/second-step/off", "password", password, "code", h.code(seed)), 503, cause.StoreUnavailable, "")
		if !h.jan().SecondStep {
			h.t.Error("switched off without the mail that tells")
		}
	})
}

func TestNewCodesAndAnotherPhone(t *testing.T) {
	onStores(t, func(h *house) {
		b := h.login()
		seed, old := b.setUp()
		h.push(time.Minute)
		h.want(b.post("/second-step/codes", "password", password, "code", old[0]), 303, "", "/gateway/security/second-step")
		fresh := b.codes()
		h.want(b.post("/second-step/on", "stored", "1"), 303, "", "/gateway/security/second-step?done=codes")
		check := func(code, want string) {
			h.t.Helper()
			got := "accepted"
			if _, err := h.factors.Check(context.Background(), h.jan(), code); err != nil {
				got = "refused"
			}
			if got != want {
				h.t.Errorf("%s: %s, want %s", code, got, want)
			}
		}
		check(old[1], "refused")
		check(fresh[1], "accepted")
		check(h.code(seed), "accepted") // the app stays
		// The phone is lost: a recovery code is enough for another one.
		h.want(b.post("/second-step/start", "password", password, "code", fresh[2]), 303, "", "/gateway/security/second-step")
		next := strings.ReplaceAll(keyShown.FindStringSubmatch(b.get("/second-step").Body.String())[1], " ", "")
		h.want(b.post("/second-step/confirm", "code", h.code(next)), 303, "", "/gateway/security/second-step")
		h.want(b.post("/second-step/on", "stored", "1"), 303, "", "/gateway/security/second-step?done=codes")
		h.push(time.Minute)
		check(h.code(seed), "refused")
		check(h.code(next), "accepted")
	})
}

func TestASessionAloneChangesNothing(t *testing.T) {
	onStores(t, func(h *house) {
		b := h.login()
		for _, typed := range []string{"", "wrong", strings.ToUpper(password)} {
			h.want(b.post("/second-step/start", "password", typed), 401, cause.WrongPassword, "")
		}
		h.noSetup(b)
		// What is begun belongs to the session that proved it.
		h.want(b.post("/second-step/start", "password", password), 303, "", "/gateway/security/second-step")
		h.noSetup(h.login())
		h.want(h.login().post("/second-step/download"), 303, "", "/gateway/security/second-step")
		// A script of the app, which shares our origin, reads nothing here.
		for _, dest := range []string{"empty", "iframe", "script", "object"} {
			b.header = map[string]string{"Sec-Fetch-Dest": dest}
			for _, path := range []string{"", "/second-step"} {
				if res := b.get(path); res.Code != http.StatusForbidden || res.Body.Len() != 0 {
					h.t.Errorf("%s for %q: %d", path, dest, res.Code)
				}
			}
		}
		b.header = nil
		h.want(b.post("/second-step/cancel"), 303, "", "/gateway/security/second-step?done=cancelled")
		h.noSetup(b)
	})
}

func TestProofsKeepToTheLimits(t *testing.T) {
	onStores(t, func(h *house) {
		b := h.login()
		for range 5 {
			h.want(b.post("/second-step/start", "password", "wrong"), 401, cause.WrongPassword, "")
		}
		h.want(b.post("/second-step/start", "password", password), 429, cause.TooManyAttempts, "")
		testkit.Must(h.t, h.limits.Clear(context.Background(), attempt.Subject("jan", "")))
		b.setUp()
		for range 5 {
			h.want(b.post("/second-step/off", "password", password, "code", "1"), 401, cause.SecondStepFailed, "")
		}
		h.want(b.post("/second-step/off", "password", password, "code", "1"), 429, cause.TooManyAttempts, "")
		if n := len(h.noted); n != 12 {
			h.t.Errorf("%d tries noted", n)
		}
	})
}

func TestOthersAreSentToTheLogin(t *testing.T) {
	onStores(t, func(h *house) {
		ctx, b := context.Background(), h.login()
		for _, path := range []string{"", "/second-step"} {
			h.want((&browser{h: h}).get(path), 303, "", "/gateway/login?to="+strings.ReplaceAll("/gateway/security"+path, "/", "%2F"))
		}
		for _, path := range []string{"start", "codes", "confirm", "download", "on", "off", "cancel"} {
			h.want((&browser{h: h, cookie: "forged"}).post("/second-step/"+path, "password", password, "stored", "1"), 401, cause.NotLoggedIn, "")
		}
		h.want((&browser{h: h}).post("/devices", "device", "all"), 401, cause.NotLoggedIn, "")
		_, err := h.dir.UpdateUser(ctx, "praktijk", "jan", func(u *store.User) error {
			u.Block = &store.Block{By: "admin", At: h.now()}
			return nil
		})
		testkit.Must(h.t, err)
		h.want(b.get(""), 403, cause.UserBlocked, "")
		h.want(b.post("/second-step/start", "password", password), 403, cause.UserBlocked, "")
	})
}

func TestTrustedDevicesAreListedAndForgotten(t *testing.T) {
	onStores(t, func(h *house) {
		ctx, b := context.Background(), h.login()
		b.setUp()
		for _, id := range []string{"laptop", "phone", "tablet"} {
			testkit.Must(h.t, h.factors.Trust(ctx, h.jan(), factor.Device{ID: id, Agent: "Browser of the " + id, Network: "192.0.2.1/32"}))
		}
		if page := b.get("/second-step").Body.String(); !strings.Contains(page, "Browser of the laptop, 192.0.2.1, since") {
			h.t.Errorf("%s", page)
		}
		left := func() (all string) {
			s, err := h.factors.Status(ctx, h.jan(), "")
			testkit.Must(h.t, err)
			for _, d := range s.Devices {
				all += d.ID + " "
			}
			return all
		}
		h.want(b.post("/devices"), 400, cause.BadRequest, "")
		h.want(b.post("/devices", "device", "phone"), 303, "", "/gateway/security/second-step?done=forgotten")
		if got := left(); got != "laptop tablet " {
			h.t.Errorf("left: %s", got)
		}
		h.want(b.post("/devices", "device", "all"), 303, "", "/gateway/security/second-step?done=forgotten")
		if got := left(); got != "" {
			h.t.Errorf("left: %s", got)
		}
	})
}

// Pressed many times at once, it is on once, and this session goes on.
func TestSwitchingOnManyTimesAtOnce(t *testing.T) {
	onStores(t, func(h *house) {
		b := h.login()
		h.want(b.post("/second-step/start", "password", password), 303, "", "/gateway/security/second-step")
		seed := strings.ReplaceAll(keyShown.FindStringSubmatch(b.get("/second-step").Body.String())[1], " ", "")
		h.want(b.post("/second-step/confirm", "code", h.code(seed)), 303, "", "/gateway/security/second-step")
		codes := b.codes()
		before := h.jan().Epoch
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { b.post("/second-step/on", "stored", "1") })
		}
		wg.Wait()
		if u := h.jan(); !u.SecondStep || u.Epoch != before+1 {
			h.t.Errorf("on: %v, sessions ended %d times", u.SecondStep, u.Epoch-before)
		}
		if c, _ := b.in(); c != cause.None {
			h.t.Errorf("this session: %q", c)
		}
		if _, err := h.factors.Check(context.Background(), h.jan(), codes[3]); err != nil {
			h.t.Error(err)
		}
	})
}
