package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/cookie"
)

// loginTry is what one visitor types, and where they come from.
type loginTry struct {
	email, password string
	address         string // of the visitor, as the gateway is to see it
	device          string // Cookie header of a known device
}

// loginAnswer is what came of it.
type loginAnswer struct {
	status int
	device string // Cookie header of the device, after a login
	took   time.Duration
}

func (a loginAnswer) in() bool { return a.status == http.StatusSeeOther && a.device != "" }

// login posts the login form as a browser without a history would.
func (s *server) login(ctx context.Context, t loginTry) (a loginAnswer, err error) {
	form := url.Values{"email": {t.email}, "password": {t.password}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.site.addr+"/gateway/login", strings.NewReader(form))
	if err != nil {
		return a, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "text/html")
	req.Header.Set("X-Forwarded-For", t.address)
	if t.device != "" {
		req.Header.Set("Cookie", t.device)
	}
	begun := time.Now()
	resp, err := s.client.Do(req)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return a, err
	}
	a.status, a.took = resp.StatusCode, time.Since(begun)
	for _, c := range resp.Cookies() {
		if c.Name == cookie.Name(cookie.Device, cookie.Form{}) {
			a.device = c.Name + "=" + c.Value
		}
	}
	return a, nil
}

// mustLogin is login for a try that has to succeed.
func (s *server) mustLogin(ctx context.Context, t loginTry) (loginAnswer, error) {
	a, err := s.login(ctx, t)
	if err == nil && !a.in() {
		err = fmt.Errorf("a right login was answered %d", a.status)
	}
	return a, err
}

// anybody returns the address of one of the seeded users.
func (p *people) anybody() string { return email(rand.N(p.users)) }

// nobody returns an address of the same length that no user has.
func nobody() string { return email(500_000 + rand.N(400_000)) }

// anywhere returns an address of a network that is neither private nor loopback.
func anywhere() string {
	n := rand.Uint32()
	return fmt.Sprintf("20.%d.%d.%d", n>>16&255, n>>8&255, 1+n%250) // 20/8 is public
}

// devices logs some users in and returns what they would try again, from a known
// device but another network.
func (b *bench) devices(ctx context.Context, s *server, n int) ([]loginTry, error) {
	tries := make([]loginTry, n)
	for i := range tries {
		t := loginTry{email: email(i), password: b.people.password, address: anywhere()}
		a, err := s.mustLogin(ctx, t)
		if err != nil {
			return nil, fmt.Errorf("logging in to make a device known: %w", err)
		}
		t.device, t.address = a.device, anywhere()
		tries[i] = t
	}
	return tries, nil
}
