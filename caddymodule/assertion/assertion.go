// Package assertion signs who a session belongs to, for apps that want a proof
// and not only a header: a short-lived JSON Web Token (RFC 7519) by Ed25519. It
// owns the claims, the keys and the document in which apps find them. How often
// one is signed is the business of session, where it travels that of guard.
package assertion

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/cliendo/gateway/caddymodule/session"
)

// Life is how long an assertion is good. A session gets a new one when the last
// is older than session.AssertionFresh, so what an app receives has at least the
// rest before it.
const Life = 2 * time.Minute

// Signer signs with the current key; the others are published along with it, so
// that a secret can be rotated.
type Signer struct {
	signer jose.Signer
	issuer string
	set    []byte
}

// New returns a Signer. seeds are 32 bytes each, the current one first; issuer is
// the claim "iss", left out where it is empty.
func New(issuer string, seeds ...[]byte) (*Signer, error) {
	s := &Signer{issuer: issuer}
	var set jose.JSONWebKeySet
	for i, seed := range seeds {
		private := ed25519.NewKeyFromSeed(seed)
		public := private.Public().(ed25519.PublicKey)
		key := jose.JSONWebKey{Key: public, Algorithm: string(jose.EdDSA), Use: "sig"}
		named, err := key.Thumbprint(thumbprint)
		if err != nil {
			return nil, fmt.Errorf("naming a key: %w", err)
		}
		key.KeyID = base64.RawURLEncoding.EncodeToString(named)
		set.Keys = append(set.Keys, key)
		if i > 0 {
			continue
		}
		s.signer, err = jose.NewSigner(
			jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: private, KeyID: key.KeyID}},
			(&jose.SignerOptions{}).WithType("JWT"))
		if err != nil {
			return nil, fmt.Errorf("preparing a signature: %w", err)
		}
	}
	var err error
	if s.set, err = json.Marshal(set); err != nil {
		return nil, fmt.Errorf("writing the keys: %w", err)
	}
	return s, nil
}

// claims are what an assertion says besides the registered ones.
type claims struct {
	jwt.Claims
	Account  string   `json:"account"`
	Session  string   `json:"sid"` // the public handle
	Type     string   `json:"type"`
	Amr      []string `json:"amr,omitempty"`
	AuthTime int64    `json:"auth_time,omitempty"` // unix seconds
}

// Sign returns an assertion about f for one audience, good from now for Life.
func (s *Signer) Sign(f *session.Facts, audience string, now time.Time) (string, error) {
	told := f.Told()
	c := claims{
		Claims: jwt.Claims{
			Issuer: s.issuer, Subject: f.User.ID(), Audience: jwt.Audience{audience},
			IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(Life)),
		},
		Account: f.User.Account(), Session: f.Session.Handle(), Type: f.User.Type(), Amr: strings.Fields(told[session.ValueAmr]),
	}
	if at := told[session.ValueAuthTime]; at != "" {
		seconds, err := strconv.ParseInt(at, 10, 64)
		if err != nil {
			return "", fmt.Errorf("signing an assertion: %w", err)
		}
		c.AuthTime = seconds
	}
	token, err := jwt.Signed(s.signer).Claims(c).Serialize()
	if err != nil {
		return "", fmt.Errorf("signing an assertion: %w", err)
	}
	return token, nil
}

// JWKS is the document with the public keys (RFC 7517).
func (s *Signer) JWKS() []byte { return s.set }
