package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
	"time"
)

// Box encrypts what must be read again, for the place where it lies and no other.
type Box struct{ aeads []cipher.AEAD }

// ErrSealed is returned for a text that was not sealed by us, or for another
// place, or with a secret that is no longer among the old ones.
var ErrSealed = errors.New("cannot be opened: another place, or a secret that is gone")

// NewBox returns a Box for one purpose. What older secrets sealed can be opened.
func (k *Keys) NewBox(purpose string) (*Box, error) {
	return newBox(k.DeriveAll(purpose)...)
}

// NewBoxOf returns a Box for one purpose of a Token, for what is to be read by
// whoever has that token and by nobody else, us included.
func NewBoxOf(token, purpose string) (*Box, error) { return newBox(derive([]byte(token), purpose)) }

// TokenOf derives from a Token another one, for one purpose.
func TokenOf(token, purpose string) string {
	return base64.RawURLEncoding.EncodeToString(derive([]byte(token), purpose))
}

func newBox(keys ...[]byte) (*Box, error) {
	b := &Box{}
	for _, key := range keys {
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("preparing a cipher: %w", err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("preparing a cipher: %w", err)
		}
		b.aeads = append(b.aeads, aead)
	}
	return b, nil
}

// Seal encrypts plain; place is needed to open it, so that a sealed text moved
// to another record is worth nothing.
func (b *Box) Seal(plain []byte, place string) string {
	sealed := b.aeads[0].Seal(nil, nil, plain, []byte(place)) //nolint:gosec // the cipher makes its own random nonce
	return base64.RawStdEncoding.EncodeToString(sealed)
}

// Open returns what was sealed for place, or ErrSealed.
func (b *Box) Open(sealed, place string) ([]byte, error) {
	raw, err := base64.RawStdEncoding.DecodeString(sealed)
	if err != nil {
		return nil, ErrSealed
	}
	for _, aead := range b.aeads {
		if plain, err := aead.Open(nil, nil, raw, []byte(place)); err == nil {
			return plain, nil
		}
	}
	return nil, ErrSealed
}

// sorted has the order of its bytes, so that ids sort by what they spell.
const (
	sorted    = "234567abcdefghijklmnopqrstuvwxyz"
	TicketID  = 19 // characters of an id made by NewTicketID
	TicketKey = 24 // characters of a secret made by NewTicketKey
)

// NewTicketID returns an id for something mailed: the later, the smaller, so
// that lists begin with the newest; with 60 random bits.
func NewTicketID(now time.Time) string { return TicketsOf(now) + pick(sorted, TicketID-7) }

// TicketsOf is what all ids begin with that are made in the second of now.
func TicketsOf(now time.Time) string {
	left := uint64(1)<<35 - 1 - uint64(now.Unix())&(1<<35-1) //nolint:gosec // seconds since 1970 are positive
	text := make([]byte, 7)
	for i := len(text) - 1; i >= 0; i-- {
		text[i] = sorted[left&31]
		left >>= 5
	}
	return string(text)
}

// NewTicketKey returns the secret part of a mailed link: 120 random bits.
func NewTicketKey() string { return pick(idAlphabet, TicketKey) }

// Digits returns n random digits.
func Digits(n int) string { return pick("0123456789", n) }
