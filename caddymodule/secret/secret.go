// Package secret makes and derives what must not be guessed: the keys of the
// gateway, tokens, references, ids and generated passwords. It owns no storage
// except Ensure, which keeps a generated secret where the store is.
package secret

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// MinLength is the shortest secret that is accepted, in bytes.
const MinLength = 32

// ErrWeak is wrapped by the errors of NewKeys.
var ErrWeak = errors.New("secret is too weak")

// examples are strings of documentation; whoever copies one has no secret.
var examples = []string{
	"change-me", "changeme", "change_me", "replace-me", "your-secret", "my-secret", "example", "0123456789abcdef",
}

// Keys derives the keys of the gateway from its secret. Older secrets are still
// accepted where something was signed with them, so that a secret can be rotated.
type Keys struct {
	all [][]byte // current first
}

// NewKeys checks the secrets and returns their keys. current must be at least
// MinLength bytes and look random; so must the old ones, which were once current.
func NewKeys(current []byte, old ...[]byte) (*Keys, error) {
	all := append([][]byte{current}, old...)
	for i, s := range all {
		if err := check(s); err != nil {
			return nil, fmt.Errorf("secret %d of %d: %w", i+1, len(all), err)
		}
	}
	return &Keys{all: all}, nil
}

func check(s []byte) error {
	if len(s) < MinLength {
		return fmt.Errorf("%w: %d bytes, at least %d are needed; make one with `openssl rand -base64 32`", ErrWeak, len(s), MinLength)
	}
	lower := strings.ToLower(string(s))
	for _, e := range examples {
		if strings.Contains(lower, e) {
			return fmt.Errorf("%w: it contains %q from an example; make one with `openssl rand -base64 32`", ErrWeak, e)
		}
	}
	distinct := map[byte]bool{}
	for _, b := range s {
		distinct[b] = true
	}
	if len(distinct) < 10 {
		return fmt.Errorf("%w: only %d different characters; make one with `openssl rand -base64 32`", ErrWeak, len(distinct))
	}
	return nil
}

// Derive returns 32 bytes for one purpose, from the current secret. Different
// purposes give independent keys.
func (k *Keys) Derive(purpose string) []byte { return derive(k.all[0], purpose) }

// DeriveAll returns the key for one purpose from every secret, current first.
func (k *Keys) DeriveAll(purpose string) [][]byte {
	keys := make([][]byte, len(k.all))
	for i, s := range k.all {
		keys[i] = derive(s, purpose)
	}
	return keys
}

// Equal tells whether two sets derive the same keys.
func (k *Keys) Equal(other *Keys) bool {
	if other == nil || len(k.all) != len(other.all) {
		return false
	}
	for i := range k.all {
		if !bytes.Equal(k.all[i], other.all[i]) {
			return false
		}
	}
	return true
}

func derive(s []byte, purpose string) []byte {
	key, err := hkdf.Key(sha256.New, s, nil, "cliendo gateway: "+purpose, 32)
	if err != nil { // only for absurd lengths
		panic(err)
	}
	return key
}

// Token returns 256 random bits as text that is safe in URLs and cookies.
func Token() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process instead
	return base64.RawURLEncoding.EncodeToString(b)
}

// Digest is how a token lies in the store: its SHA-256. Tokens have 256 bits, so
// a slow hash would add nothing.
func Digest(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

const (
	idAlphabet       = "abcdefghijklmnopqrstuvwxyz234567"
	passwordAlphabet = "abcdefghjkmnpqrstuvwxyzACDEFGHJKLMNPQRTUVWXY3479" // no i l o, B I O S Z, 0 1 2 5 6 8
	readable         = "ACDEFGHJKMNPQRTUVWXY3479"
	passwordLength   = 14                            // 48 characters: 78 bits
	recoveryAlphabet = "abcdefghjkmnpqrstuvwxyz3479" // what passwords have, without capitals
)

// ID returns a new id for a user or session handle: 80 random bits.
func ID() string { return pick(idAlphabet, 16) }

// APIKeyLength is the length of what APIKey returns.
const APIKeyLength = 52

// APIKey returns the secret part of a key for the JSON API: 260 random bits,
// letters and digits only, so that one double click selects it.
func APIKey() string { return pick(idAlphabet, APIKeyLength) }

// Password returns a new generated password of 78 bits without characters that
// look alike. It is letters and digits only, so that one double click selects it.
func Password() string { return pick(passwordAlphabet, passwordLength) }

// RecoveryLength is how many characters a recovery code has.
const RecoveryLength = 16

// RecoveryCode returns a new recovery code: 76 bits in small letters and digits,
// none of which look alike.
func RecoveryCode() string { return pick(recoveryAlphabet, RecoveryLength) }

// Tail returns what is put behind a password that somebody chose: two digits and
// a capital, so that nobody's is exactly what was thought of.
func Tail() string { return Digits(2) + pick("ACDEFGHJKLMNPQRTUVWXY", 1) }

// Reference returns a short code that people can read over the phone, like
// K7Q-4MD. It is a name, not a secret; who stores it makes sure it is unique.
func Reference() string {
	s := pick(readable, 6)
	return s[:3] + "-" + s[3:]
}

// ParseReference reads a reference as people type it: any case, with or without
// the dash, blanks around or inside.
func ParseReference(s string) (reference string, ok bool) {
	var b strings.Builder
	for _, r := range strings.ToUpper(s) {
		switch {
		case r == '-' || r == ' ' || r == '\t':
		case strings.ContainsRune(readable, r) && b.Len() < 6:
			b.WriteRune(r)
		default:
			return "", false
		}
	}
	if b.Len() != 6 {
		return "", false
	}
	return b.String()[:3] + "-" + b.String()[3:], true
}

// pick returns n characters of alphabet, each equally likely.
func pick(alphabet string, n int) string {
	out := make([]byte, 0, n)
	limit := 256 - 256%len(alphabet)
	buf := make([]byte, 2*n)
	for len(out) < n {
		_, _ = rand.Read(buf)
		for _, b := range buf {
			if int(b) < limit && len(out) < n {
				out = append(out, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return string(out)
}
