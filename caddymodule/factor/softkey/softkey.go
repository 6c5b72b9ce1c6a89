// Package softkey is an authenticator and the browser around it, in software, for
// tests: it makes passkeys and answers challenges as a phone does, and does each
// thing wrong on demand. It owns no judgement: what is accepted is the business of
// package factor.
package softkey

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
)

// Device is a phone, laptop or security key.
type Device struct {
	// Origin of the page in the browser, like "https://login.example.com".
	Origin string
	// Domain overrides the one that keys are made for and answer for.
	Domain string
	// Unverified: it does not check who holds it. Absent: nobody touched it.
	Unverified, Absent bool
	// Synced keys are copied to other devices and have no counter.
	Synced bool
	// Type overrides what the browser says it did.
	Type string
	// Handle overrides the user that a key names; "-" names none.
	Handle string
	// Cross says that the page was inside one of another site.
	Cross bool
	keys  []*Key
}

// Key is one passkey on a device.
type Key struct {
	ID      []byte
	Domain  string
	User    string
	Counter uint32
	private *ecdsa.PrivateKey
}

// Keys are those on the device, the oldest first.
func (d *Device) Keys() []*Key { return d.keys }

// Copy is another device with the same keys, counters as they are.
func (d *Device) Copy() *Device {
	other := *d
	other.keys = nil
	for _, k := range d.keys {
		twin := *k
		other.keys = append(other.keys, &twin)
	}
	return &other
}

// Carry puts a key of another device onto this one.
func (d *Device) Carry(k *Key) { d.keys = append(d.keys, k) }

type descriptor struct {
	ID string `json:"id"`
}

type options struct {
	Challenge string `json:"challenge"`
	RPID      string `json:"rpId"`
	RP        struct {
		ID string `json:"id"`
	} `json:"rp"`
	User struct {
		ID string `json:"id"`
	} `json:"user"`
	Allow   []descriptor `json:"allowCredentials"`
	Exclude []descriptor `json:"excludeCredentials"`
}

func read(text string) (o options, err error) {
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return o, fmt.Errorf("options of a passkey: %w", err)
	}
	return o, nil
}

// Create makes a key for what a page asks, and returns what its form posts.
func (d *Device) Create(asked string) (string, error) {
	o, err := read(asked)
	if err != nil {
		return "", err
	}
	for _, e := range o.Exclude {
		if d.find(e.ID) != nil {
			return "", fmt.Errorf("InvalidStateError: the key %s is on this device already", e.ID)
		}
	}
	user, err := decoded(o.User.ID)
	if err != nil {
		return "", err
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", fmt.Errorf("making a key: %w", err)
	}
	k := &Key{ID: make([]byte, 32), Domain: o.RP.ID, User: string(user), private: private}
	_, _ = rand.Read(k.ID)
	d.keys = append(d.keys, k)
	return d.Attest(k, o.Challenge)
}

// Attest presents a key as a new one.
func (d *Device) Attest(k *Key, challenge string) (string, error) {
	public, err := k.public()
	if err != nil {
		return "", err
	}
	data := d.head(k, flagAttested)
	data = append(data, make([]byte, 16)...)                      // of no known maker
	data = binary.BigEndian.AppendUint16(data, uint16(len(k.ID))) //nolint:gosec // 32 bytes
	data = append(append(data, k.ID...), public...)
	object, err := webauthncbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	if err != nil {
		return "", fmt.Errorf("encoding an attestation: %w", err)
	}
	return d.post(k, map[string]any{
		"clientDataJSON": encoded(d.client("webauthn.create", challenge)), "attestationObject": encoded(object),
		"transports": []string{"internal"},
	}, map[string]any{"credProps": map[string]any{"rk": true}})
}

func (k *Key) public() ([]byte, error) {
	point, err := k.private.PublicKey.Bytes()
	if err != nil {
		return nil, fmt.Errorf("a public key: %w", err)
	}
	raw, err := webauthncbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	if err != nil {
		return nil, fmt.Errorf("encoding a public key: %w", err)
	}
	return raw, nil
}

// Get answers what a page asks with the newest key that fits.
func (d *Device) Get(asked string) (string, error) {
	o, err := read(asked)
	if err != nil {
		return "", err
	}
	for i := len(d.keys) - 1; i >= 0; i-- {
		if k := d.keys[i]; len(o.Allow) == 0 && k.Domain == o.RPID || allowed(k, o.Allow) {
			return d.Sign(k, o.Challenge)
		}
	}
	return "", fmt.Errorf("NotAllowedError: no key of this device fits %s", o.RPID)
}

// Sign answers a challenge with a key.
func (d *Device) Sign(k *Key, challenge string) (string, error) {
	if !d.Synced {
		k.Counter++
	}
	data, client := d.head(k, 0), d.client("webauthn.get", challenge)
	digest := sha256.Sum256(client)
	digest = sha256.Sum256(bytes.Join([][]byte{data, digest[:]}, nil))
	signature, err := ecdsa.SignASN1(rand.Reader, k.private, digest[:])
	if err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	response := map[string]any{
		"clientDataJSON": encoded(client), "authenticatorData": encoded(data), "signature": encoded(signature),
	}
	user := k.User
	if d.Handle != "" {
		user = d.Handle
	}
	if user != "-" {
		response["userHandle"] = encoded([]byte(user))
	}
	return d.post(k, response, map[string]any{})
}

func allowed(k *Key, list []descriptor) bool {
	for _, a := range list {
		if a.ID == encoded(k.ID) {
			return true
		}
	}
	return false
}

func (d *Device) find(id string) *Key {
	for _, k := range d.keys {
		if encoded(k.ID) == id {
			return k
		}
	}
	return nil
}

const (
	flagPresent  = 1 << 0
	flagVerified = 1 << 2
	flagEligible = 1 << 3
	flagBackedUp = 1 << 4
	flagAttested = 1 << 6
)

// head is the beginning of authenticator data: whose, flags, counter.
func (d *Device) head(k *Key, flags byte) []byte {
	domain := k.Domain
	if d.Domain != "" {
		domain = d.Domain
	}
	if !d.Absent {
		flags |= flagPresent
	}
	if !d.Unverified {
		flags |= flagVerified
	}
	if d.Synced {
		flags |= flagEligible | flagBackedUp
	}
	hash := sha256.Sum256([]byte(domain))
	return binary.BigEndian.AppendUint32(append(hash[:], flags), k.Counter)
}

func (d *Device) client(did, challenge string) []byte {
	if d.Type != "" {
		did = d.Type
	}
	raw, _ := json.Marshal(map[string]any{"type": did, "challenge": challenge, "origin": d.Origin, "crossOrigin": d.Cross})
	return raw
}

func (d *Device) post(k *Key, response, extensions map[string]any) (string, error) {
	raw, err := json.Marshal(map[string]any{
		"id": encoded(k.ID), "rawId": encoded(k.ID), "type": "public-key", "response": response,
		"clientExtensionResults": extensions, "authenticatorAttachment": "platform",
	})
	if err != nil {
		return "", fmt.Errorf("encoding an answer: %w", err)
	}
	return string(raw), nil
}

// Challenge is that of options.
func Challenge(asked string) string {
	o, _ := read(asked)
	return o.Challenge
}

func encoded(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func decoded(text string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("no base64: %w", err)
	}
	return raw, nil
}
