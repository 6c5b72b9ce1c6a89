package factor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/keyring"
	"github.com/cliendo/gateway/caddymodule/store"
)

// AskNew returns the options with which a browser makes a passkey for u, in the
// session at hand. A security key that cannot check who holds it is welcome too:
// it is good for the second step.
func (f *Factors) AskNew(ctx context.Context, u *store.User, session string) (string, error) {
	if f.Party == nil {
		return "", ErrNoPasskeys
	}
	list, err := f.keys(ctx, u.Account, u.ID)
	if err != nil {
		return "", err
	}
	name := u.Name
	if name == "" {
		name = u.Email
	}
	raw, err := json.Marshal(protocol.PublicKeyCredentialCreationOptions{
		RelyingParty: protocol.RelyingPartyEntity{CredentialEntity: protocol.CredentialEntity{Name: f.Issuer}, ID: f.Party.ID},
		User: protocol.UserEntity{
			CredentialEntity: protocol.CredentialEntity{Name: u.Email}, DisplayName: name, ID: protocol.URLEncodedBase64(u.ID),
		},
		Challenge: f.challenge(forNew, session, u.ID), Parameters: webauthn.CredentialParametersRecommendedL3(),
		Timeout: int(ChallengeLife / time.Millisecond), CredentialExcludeList: f.descriptors(list),
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementPreferred, UserVerification: protocol.VerificationPreferred,
		},
		Attestation: protocol.PreferNoAttestation, Extensions: protocol.AuthenticationExtensions{CredProps: true},
	})
	if err != nil {
		return "", fmt.Errorf("asking for a new passkey: %w", err)
	}
	return string(raw), nil
}

// Made is a new passkey that was checked and is to be added.
type Made struct {
	key       store.Passkey
	challenge string
	until     time.Time
}

// largestKey bounds a public key; one of RSA with 4,096 bits has a quarter of it.
const largestKey = 2 << 10

// MakeKey checks the answer of a browser to AskNew. The error is a *Denied.
func (f *Factors) MakeKey(u *store.User, session, text string) (*Made, error) {
	if f.Party == nil {
		return nil, ErrNoPasskeys
	}
	if len(text) > MaxPosted {
		return nil, &Denied{Reason: Malformed, User: u, Cause: errors.New("too long")}
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes([]byte(text))
	if err != nil {
		return nil, &Denied{Reason: Malformed, User: u, Cause: explained(err)}
	}
	challenge := parsed.Response.CollectedClientData.Challenge
	until, refused := f.ours(challenge, forNew, session, u.ID)
	if refused != nil || session == "" {
		return nil, orForeign(refused)
	}
	c, err := f.Party.library.CreateCredential(&person{id: u.ID, name: u.Email, display: u.Name}, webauthn.SessionData{
		Challenge: challenge, RelyingPartyID: f.Party.ID, UserID: []byte(u.ID), UserVerification: protocol.VerificationPreferred,
		Extensions: protocol.SessionExtensions{Requested: []string{"credProps"}}, CredParams: webauthn.CredentialParametersRecommendedL3(),
	}, parsed)
	if err != nil {
		return nil, &Denied{Reason: Forged, User: u, Cause: explained(err)}
	}
	if len(c.PublicKey) > largestKey {
		return nil, &Denied{Reason: Malformed, User: u, Cause: errors.New("the public key is too long")}
	}
	m := &Made{challenge: challenge, until: until, key: store.Passkey{
		ID: c.ID, PublicKey: c.PublicKey, RP: f.Party.ID, Counter: c.Authenticator.SignCount, AAGUID: c.Authenticator.AAGUID,
		Eligible: c.Flags.BackupEligible, BackedUp: c.Flags.BackupState,
		Login: c.Extensions.RK != nil && *c.Extensions.RK && c.Flags.UserVerified,
	}}
	m.key.Transports = transports(c.Transport)
	return m, nil
}

// transports keeps those that mean something: browsers say them, unsigned.
func transports(said []protocol.AuthenticatorTransport) (all []string) {
	for _, t := range []protocol.AuthenticatorTransport{
		protocol.USB, protocol.NFC, protocol.BLE, protocol.SmartCard, protocol.Hybrid, protocol.Internal,
	} {
		if slices.Contains(said, t) {
			all = append(all, string(t))
		}
	}
	return all
}

// AddKey writes a new passkey of u, in an Update of the account's tag; u is to be
// saved after it. A key is only ever looked up among those of the user it names,
// so one that somebody else has as well opens nothing of theirs. The error is a
// *Denied or that of the store.
func (f *Factors) AddKey(ctx context.Context, tx store.Tx, u *store.User, m *Made, name, agent string) (Key, error) {
	list, err := keyring.Read(tx, u.ID)
	if err != nil {
		return Key{}, err
	}
	now := f.Now()
	switch {
	case findKey(list, m.key.ID) >= 0:
		return Key{}, &Denied{Reason: Twice, User: u}
	case len(list.Keys) >= MaxKeys:
		return Key{}, &Denied{Reason: TooMany, User: u}
	case !answer(list, m.challenge, m.until, now):
		return Key{}, &Denied{Reason: Answered, User: u}
	}
	k := m.key
	k.Name, k.Agent, k.Created = cleanName(name), agent, now
	if k.Name == "" {
		k.Name = maker(k.AAGUID)
	}
	list.Keys = append(list.Keys, k)
	if err := keyring.Note(ctx, tx, audit.PasskeyAdded, u, &k, now); err != nil {
		return Key{}, err
	}
	return f.view(&k), keyring.Write(tx, u.ID, list)
}

// RenameKey gives a passkey another name. ErrNone where it is not there.
func (f *Factors) RenameKey(ctx context.Context, u *store.User, id, name string) error {
	err := f.withKeys(ctx, u.Account, u.ID, func(_ store.Tx, _ *store.User, list *store.PasskeyList, _ time.Time) error {
		i := namedKey(list, id)
		if i < 0 {
			return ErrNone
		}
		list.Keys[i].Name = cleanName(name)
		return nil
	})
	if errors.Is(err, ErrNone) || errors.Is(err, store.ErrNotFound) {
		return ErrNone
	}
	return err
}

// RemoveKey takes a passkey of u away, in an Update of the account's tag; u is to
// be saved after it. It is a *Denied where they could not get in without it, and
// ErrNone where it is not there.
func (f *Factors) RemoveKey(ctx context.Context, tx store.Tx, u *store.User, id string, others Ways) (Key, error) {
	list, err := keyring.Read(tx, u.ID)
	if err != nil {
		return Key{}, err
	}
	i := namedKey(list, id)
	if i < 0 {
		return Key{}, ErrNone
	}
	k, before := list.Keys[i], f.usable(list)
	list.Keys = slices.Delete(list.Keys, i, i+1)
	step, err := read(tx, u.ID)
	if err != nil {
		return Key{}, err
	}
	if u.SecondStep && step.Seed == "" && before > 0 && f.usable(list) == 0 {
		return Key{}, &Denied{Reason: LastStep, User: u}
	}
	if others, err = others.of(tx, u, f.logins(list)); err != nil {
		return Key{}, err
	}
	if k.Login && !others.Enough() {
		return Key{}, &Denied{Reason: LastWay, User: u}
	}
	if err := keyring.Note(ctx, tx, audit.PasskeyRemoved, u, &k, f.Now()); err != nil {
		return Key{}, err
	}
	return f.view(&k), keyring.Write(tx, u.ID, list)
}

// Ways are the ways in that somebody has.
type Ways struct {
	Password   bool
	Mail       bool // logging in by mail, a new password by mail
	Identities int  // linked ones
	Passkeys   int  // that log in by themselves
}

// Enough tells whether they are enough: a passkey lies on a device, and a device
// gets lost, so it takes two of them where there is nothing else.
func (w Ways) Enough() bool {
	return w.Password || w.Mail || w.Identities > 0 || w.Passkeys >= 2
}

// WaysIn tells the ways in of u, in an Update of the account's tag. Of w only Mail
// counts, which the gateway's configuration says.
func (f *Factors) WaysIn(tx store.Tx, u *store.User, w Ways) (Ways, error) {
	list, err := keyring.Read(tx, u.ID)
	if err != nil {
		return w, err
	}
	return w.of(tx, u, f.logins(list))
}

// Ways tells the ways in of u as they are right now, for pages. Of w what the
// gateway's configuration says counts, and the number of identities.
func (f *Factors) Ways(ctx context.Context, u *store.User, w Ways) (Ways, error) {
	list, err := f.keys(ctx, u.Account, u.ID)
	if err != nil {
		return w, err
	}
	w.Password, w.Passkeys = u.Password != "", f.logins(list)
	return w, nil
}

// of completes w for a user with so many passkeys that log in.
func (w Ways) of(tx store.Tx, u *store.User, passkeys int) (Ways, error) {
	linked, err := store.Identities.Read(tx, u.ID)
	switch {
	case err == nil:
		w.Identities = len(linked.Linked)
	case !errors.Is(err, store.ErrNotFound):
		return w, err
	}
	w.Password, w.Passkeys = u.Password != "", passkeys
	return w, nil
}
