package provider

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// algorithms may sign ID tokens: asymmetric ones. With a symmetric one whoever
// knows the public key could sign, with "none" everybody.
var algorithms = []string{oidc.RS256, oidc.ES256, oidc.PS256, oidc.EdDSA}

func joseAlgorithms() []jose.SignatureAlgorithm {
	all := make([]jose.SignatureAlgorithm, len(algorithms))
	for i, name := range algorithms {
		all[i] = jose.SignatureAlgorithm(name)
	}
	return all
}

const (
	weakestRSA = 2048
	mostKeys   = 64
	// keysAge is from when keys are fetched with the document, so that one that was
	// withdrawn is not believed for ever.
	keysAge = time.Hour
)

// keyring has the keys of one provider.
type keyring struct {
	cache *Cache

	fetching sync.Mutex // held while asking, so that one asks for all

	mu      sync.Mutex
	address string
	keys    []jose.JSONWebKey
	at      time.Time
	count   int // of fetches that brought keys
}

// use sees to it that there are keys of that address.
func (k *keyring) use(ctx context.Context, address string) error {
	k.mu.Lock()
	have := k.address == address && len(k.keys) > 0 && time.Since(k.at) < keysAge
	count := k.count
	k.mu.Unlock()
	if have {
		return nil
	}
	return k.fetch(ctx, address, count)
}

// fetch asks for the keys, unless somebody did since count.
func (k *keyring) fetch(ctx context.Context, address string, count int) error {
	k.fetching.Lock()
	defer k.fetching.Unlock()
	if _, now := k.all(); now != count {
		return nil
	}
	var raw struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := getJSON(ctx, k.cache.client, address, "", &raw); err != nil {
		return fmt.Errorf("fetching keys: %w", err)
	}
	keys := usable(raw.Keys)
	if len(keys) == 0 {
		return fmt.Errorf("fetching keys: %w: none of those at %s can be used", errAnswer, address)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.address, k.keys, k.at = address, keys, time.Now()
	k.count++
	return nil
}

// usable leaves out what cannot sign for us: keys of kinds we do not know, which
// a provider may have for others, keys to encrypt with, and weak ones.
func usable(raw []json.RawMessage) []jose.JSONWebKey {
	keys := make([]jose.JSONWebKey, 0, min(len(raw), mostKeys))
	for _, text := range raw[:min(len(raw), mostKeys)] {
		var key jose.JSONWebKey
		if json.Unmarshal(text, &key) != nil || key.Use == "enc" || !strong(key.Key) {
			continue
		}
		keys = append(keys, key)
	}
	return keys
}

func strong(key any) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen() >= weakestRSA
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return true
	}
	return false
}

func (k *keyring) all() (keys []jose.JSONWebKey, count int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keys, k.count
}

var errSignature = errors.New("no key of the provider made its signature")

// verification verifies one token. It keeps apart that a signature is wrong and
// that there were no keys to tell by, which package oidc folds into one text.
type verification struct {
	keys    *keyring
	address string
	away    error // there were no keys
}

// VerifySignature returns what was signed.
func (v *verification) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(token, joseAlgorithms())
	if err != nil || len(jws.Signatures) != 1 {
		return nil, errSignature
	}
	keys, count := v.keys.all()
	if payload, ok := signed(jws, keys); ok {
		return payload, nil
	}
	// They may sign with a new key by now.
	if v.away = v.keys.fetch(ctx, v.address, count); v.away != nil {
		return nil, v.away
	}
	keys, _ = v.keys.all()
	if payload, ok := signed(jws, keys); ok {
		return payload, nil
	}
	return nil, errSignature
}

// signed verifies with the key that the token names, or where it names none with
// all. Keys that a token brings along itself are not looked at.
func signed(jws *jose.JSONWebSignature, keys []jose.JSONWebKey) ([]byte, bool) {
	head := jws.Signatures[0].Protected
	for _, key := range keys {
		if (head.KeyID != "" && key.KeyID != head.KeyID) || (key.Algorithm != "" && key.Algorithm != head.Algorithm) {
			continue
		}
		if payload, err := jws.Verify(key.Key); err == nil {
			return payload, true
		}
	}
	return nil, false
}
