package assertion_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"github.com/cliendo/gateway/caddymodule/assertion"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
)

var (
	now   = time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)
	young = bytes.Repeat([]byte{7}, 32)
	old   = bytes.Repeat([]byte{9}, 32)
)

func facts() *session.Facts {
	return &session.Facts{
		Session: session.NewRecord(&store.Session{
			Handle: "handle", Amr: []string{"pwd", "otp"}, AuthTime: now.Add(-time.Minute), Created: now,
		}),
		User:    session.NewPerson(&store.User{ID: "zoe", Account: "praktijk", Type: "teammate", Name: "Zoë", Email: "zoe@example.nl"}),
		Verdict: &session.Verdict{Account: &store.Account{ID: "praktijk"}},
	}
}

func sign(t *testing.T, seeds ...[]byte) (*assertion.Signer, string) {
	t.Helper()
	s, err := assertion.New("https://login.example", seeds...)
	if err != nil {
		t.Fatal(err)
	}
	token, err := s.Sign(facts(), "https://app.example", now)
	if err != nil {
		t.Fatal(err)
	}
	return s, token
}

// keys are what an app fetches.
func keys(t *testing.T, s *assertion.Signer) (set jose.JSONWebKeySet) {
	t.Helper()
	mux := http.NewServeMux()
	s.Mount(mux, "/gateway")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/gateway/jwks.json", nil))
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/jwk-set+json" {
		t.Fatalf("jwks.json: %d %s", w.Code, w.Header().Get("Content-Type"))
	}
	if err := json.Unmarshal(w.Body.Bytes(), &set); err != nil {
		t.Fatal(err)
	}
	return set
}

func TestAnAppVerifiesWhoItIs(t *testing.T) {
	s, token := sign(t, young, old)
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		t.Fatal(err)
	}
	var registered jwt.Claims
	said := map[string]any{}
	if err := parsed.Claims(keys(t, s), &registered, &said); err != nil {
		t.Fatal(err)
	}
	expected := jwt.Expected{Issuer: "https://login.example", Subject: "zoe", AnyAudience: jwt.Audience{"https://app.example"}, Time: now}
	if err := registered.ValidateWithLeeway(expected, 0); err != nil {
		t.Error(err)
	}
	expected.Time = now.Add(assertion.Life + time.Second)
	if registered.ValidateWithLeeway(expected, 0) == nil {
		t.Error("it is good for ever")
	}
	want := map[string]any{
		"iss": "https://login.example", "sub": "zoe", "aud": "https://app.example", "account": "praktijk", "sid": "handle",
		"type": "teammate", "amr": []any{"pwd", "otp"}, "auth_time": float64(now.Add(-time.Minute).Unix()),
		"iat": float64(now.Unix()), "nbf": float64(now.Unix()), "exp": float64(now.Add(assertion.Life).Unix()),
	}
	if aud, ok := said["aud"].([]any); ok && len(aud) == 1 {
		said["aud"] = aud[0]
	}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
}

// The signature is checked once more without the library that made it.
func TestTheSignatureIsPlainEd25519(t *testing.T) {
	_, token := sign(t, young)
	parts := strings.Split(token, ".")
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	public := ed25519.NewKeyFromSeed(young).Public().(ed25519.PublicKey)
	if !ed25519.Verify(public, []byte(parts[0]+"."+parts[1]), signature) {
		t.Error("the signature does not fit")
	}
}

func TestARotatedSecretGoesOnBeingVerified(t *testing.T) {
	_, before := sign(t, old)
	after, fresh := sign(t, young, old)
	alone, _ := sign(t, young)
	for name, c := range map[string]struct {
		token string
		keys  *assertion.Signer
		good  bool
	}{
		"signed before, keys of after": {before, after, true},
		"signed after":                 {fresh, after, true},
		"signed before, old key gone":  {before, alone, false},
	} {
		parsed, err := jwt.ParseSigned(c.token, []jose.SignatureAlgorithm{jose.EdDSA})
		if err != nil {
			t.Fatal(err)
		}
		if err := parsed.Claims(keys(t, c.keys), &jwt.Claims{}); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestThePublishedKeysHoldNothingPrivate(t *testing.T) {
	s, _ := sign(t, young, old)
	for _, key := range keys(t, s).Keys {
		if !key.IsPublic() || key.Use != "sig" || key.Algorithm != "EdDSA" || key.KeyID == "" {
			t.Errorf("published: %+v", key)
		}
	}
	for _, seed := range [][]byte{young, old} {
		if bytes.Contains(s.JWKS(), []byte(base64.RawURLEncoding.EncodeToString(seed))) || bytes.Contains(s.JWKS(), []byte(`"d"`)) {
			t.Error("a private key is published")
		}
	}
}
