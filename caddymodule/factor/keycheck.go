package factor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/cliendo/gateway/caddymodule/store"
)

// MaxPosted bounds what a browser sends of a passkey. Real ones are a tenth of it.
const MaxPosted = 16 << 10

// person is a user in the words of the library.
type person struct {
	id, name, display string
	keys              []webauthn.Credential
}

func (p *person) WebAuthnID() []byte                         { return []byte(p.id) }
func (p *person) WebAuthnName() string                       { return p.name }
func (p *person) WebAuthnDisplayName() string                { return p.display }
func (p *person) WebAuthnCredentials() []webauthn.Credential { return p.keys }

// credential is a stored key in the words of the library.
func credential(k *store.Passkey) webauthn.Credential {
	return webauthn.Credential{
		ID: k.ID, PublicKey: k.PublicKey,
		Flags:         webauthn.CredentialFlags{BackupEligible: k.Eligible, BackupState: k.BackedUp},
		Authenticator: webauthn.Authenticator{AAGUID: k.AAGUID, SignCount: k.Counter},
	}
}

// posted is an answer of a browser to a challenge.
type posted struct {
	*protocol.ParsedCredentialAssertionData
	challenge string
}

// read takes the JSON of an answer apart.
func (f *Factors) read(text string) (p posted, refused *Denied) {
	if f.Party == nil {
		return p, &Denied{Reason: Foreign, Cause: ErrNoPasskeys}
	}
	if len(text) > MaxPosted {
		return p, &Denied{Reason: Malformed, Cause: errors.New("too long")}
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes([]byte(text))
	if err != nil {
		return p, &Denied{Reason: Malformed, Cause: explained(err)}
	}
	return posted{parsed, parsed.Response.CollectedClientData.Challenge}, nil
}

// verified checks an answer against a key of a user: signature, origin, domain,
// that somebody was there and, where that is asked, that the device checked who.
// A nil key does the same work and fails.
func (f *Factors) verified(p posted, user string, key *store.Passkey, verify bool) *Denied {
	known := key != nil && key.RP == f.Party.ID
	if !known {
		key = &store.Passkey{ID: p.RawID, PublicKey: decoy(), Eligible: p.Response.AuthenticatorData.Flags.HasBackupEligible()}
	}
	s := webauthn.SessionData{
		Challenge: p.challenge, RelyingPartyID: f.Party.ID, UserID: []byte(user), UserVerification: protocol.VerificationPreferred,
	}
	_, err := f.Party.library.ValidateLogin(&person{id: user, keys: []webauthn.Credential{credential(key)}}, s, p.ParsedCredentialAssertionData)
	switch {
	case !known:
		return &Denied{Reason: Unknown}
	case err != nil:
		return &Denied{Reason: Forged, Cause: explained(err)}
	case verify && !p.Response.AuthenticatorData.Flags.HasUserVerified():
		return &Denied{Reason: Unverified}
	}
	return nil
}

// explained adds what the library says only on asking.
func explained(err error) error {
	var detail *protocol.Error
	if errors.As(err, &detail) && detail.DevInfo != "" {
		return fmt.Errorf("%w (%s)", err, detail.DevInfo)
	}
	return err
}

// decoy is a public key that nobody has the other half of: an answer for a key
// that nobody has costs as much as one for a key that is there.
var decoy = sync.OnceValue(func() []byte {
	pair, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(fmt.Sprintf("no randomness: %v", err)) // Go's reader never fails
	}
	point, err := pair.PublicKey.Bytes() // 0x04, x, y
	if err != nil {
		panic(fmt.Sprintf("a point of P-256 cannot be written: %v", err))
	}
	key := webauthncose.EC2PublicKeyData{
		PublicKeyData: webauthncose.PublicKeyData{KeyType: int64(webauthncose.EllipticKey), Algorithm: int64(webauthncose.AlgES256)},
		Curve:         int64(webauthncose.P256), XCoord: point[1:33], YCoord: point[33:],
	}
	raw, err := webauthncbor.Marshal(key)
	if err != nil {
		panic(fmt.Sprintf("a key of our own cannot be encoded: %v", err))
	}
	return raw
})
