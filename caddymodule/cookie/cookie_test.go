package cookie_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cliendo/gateway/caddymodule/cookie"
)

func key(c string) []byte { return []byte(strings.Repeat(c, 32)) }

func TestOnlyWhatWasSignedForThisCookieIsRead(t *testing.T) {
	mine := cookie.NewCodec(cookie.Session, [][]byte{key("a"), key("b")})
	rapid.Check(t, func(t *rapid.T) {
		payload := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "payload")
		value, err := mine.Encode(payload)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := mine.Decode(value); !ok || string(got) != string(payload) {
			t.Fatalf("%q came back as %q, %v", payload, got, ok)
		}
		for name, other := range map[string]*cookie.Codec{
			"another key":          cookie.NewCodec(cookie.Session, [][]byte{key("c")}),
			"another cookie":       cookie.NewCodec(cookie.Device, [][]byte{key("a")}),
			"only the former keys": cookie.NewCodec(cookie.Session, [][]byte{key("b")}),
		} {
			if _, ok := other.Decode(value); ok {
				t.Fatalf("read with %s", name)
			}
		}
		old, err := cookie.NewCodec(cookie.Session, [][]byte{key("b")}).Encode(payload)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := mine.Decode(old); !ok {
			t.Fatal("signed with the former key and not read")
		}
		if _, ok := mine.Decode(rapid.String().Draw(t, "forged")); ok {
			t.Fatal("a forged value was read")
		}
	})
	if _, ok := mine.Decode(strings.Repeat("a", 1<<20)); ok {
		t.Error("a megabyte was read")
	}
}

func TestSecureUnlessPlainOnThisMachine(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": false, "localhost:8080": false, "LOCALHOST": false, "app.localhost:80": false, "127.0.0.1:99": false, "[::1]:80": false,
		"127.8.9.1": false, "[::1]": false, "[::ffff:127.0.0.1]:80": false, "1.localhost:80": false, "[::2]:80": true, "127.0.0.1.": true,
		"app.example": true, "192.168.1.2": true, "localhost.example": true, "127.0.0.1.example": true, "notlocalhost": true, "": true,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = host
		if got := cookie.Secure(r, false).Secure; got != want {
			t.Errorf("plain HTTP at %q: secure %v", host, got)
		}
		if !cookie.Secure(r, true).Secure {
			t.Errorf("https public URL at %q: not secure", host)
		}
		r.TLS = &tls.ConnectionState{}
		if !cookie.Secure(r, false).Secure {
			t.Errorf("TLS at %q: not secure", host)
		}
	}
}

func TestAttributes(t *testing.T) {
	c := cookie.New(cookie.Session, "v", cookie.Form{Secure: true}, 0)
	if err := c.Valid(); err != nil || c.Name != "__Host-gateway_session" || !c.Secure || !c.HttpOnly || c.Path != "/" ||
		c.Domain != "" || c.SameSite != http.SameSiteLaxMode || c.MaxAge != 0 {
		t.Errorf("%+v, %v", c, err)
	}
	if c := cookie.New(cookie.Device, "v", cookie.Form{}, time.Hour); c.Name != "gateway_device" || c.Secure || c.MaxAge != 3600 {
		t.Errorf("%+v", c)
	}
	if c := cookie.New(cookie.Device, "", cookie.Form{Secure: true}, -1); c.MaxAge >= 0 {
		t.Errorf("%+v does not delete", c)
	}
}

func TestFindTakesTheNth(t *testing.T) {
	h := http.Header{"Cookie": {"a=1; b=2;b=3", " b = 4; b=5=6"}}
	for n, want := range []string{"2", "3", "5=6"} {
		if got, ok := cookie.Find(h, "b", n); !ok || got != want {
			t.Errorf("%d: %q, %v; want %q", n, got, ok, want)
		}
	}
	if _, ok := cookie.Find(h, "b", 3); ok {
		t.Error("a fourth was found")
	}
	if n := testing.AllocsPerRun(100, func() { cookie.Find(h, "b", 2) }); n != 0 {
		t.Errorf("looking allocates %v times", n)
	}
}
