package factor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/keyring"
	"github.com/cliendo/gateway/caddymodule/store"
)

// Verified is somebody who logged in with a passkey whose device checked that it is
// them: what they have and what they are or know, both at once. Only this package
// makes one that has a user.
type Verified struct {
	user *store.User
	key  Key
}

// User is who logged in, nil in a Verified that was not made here.
func (v *Verified) User() *store.User { return v.user }

// Key is the passkey they did it with.
func (v *Verified) Key() Key { return v.key }

// Amr is how a login with a passkey is called in RFC 8176: proof that somebody
// has a key, presence, and more than one factor. Whether the key lies in hardware
// is known to its maker only.
func Amr() []string { return []string{"pop", "user", "mfa"} }

// ask is the JSON of options with which a browser asks for a passkey.
func (f *Factors) ask(challenge []byte, verify protocol.UserVerificationRequirement, list *store.PasskeyList) (string, error) {
	o := protocol.PublicKeyCredentialRequestOptions{
		Challenge: challenge, RelyingPartyID: f.Party.ID, UserVerification: verify, Timeout: int(ChallengeLife / time.Millisecond),
	}
	if list != nil {
		o.AllowedCredentials = f.descriptors(list)
	}
	raw, err := json.Marshal(o)
	if err != nil {
		return "", fmt.Errorf("asking for a passkey: %w", err)
	}
	return string(raw), nil
}

func (f *Factors) descriptors(list *store.PasskeyList) (all []protocol.CredentialDescriptor) {
	for _, k := range list.Keys {
		if k.RP != f.Party.ID {
			continue
		}
		d := protocol.CredentialDescriptor{Type: protocol.PublicKeyCredentialType, CredentialID: k.ID}
		for _, t := range k.Transports {
			d.Transport = append(d.Transport, protocol.AuthenticatorTransport(t))
		}
		all = append(all, d)
	}
	return all
}

// AskLogin returns the options for a login in a browser, for anybody.
func (f *Factors) AskLogin(browser string) (string, error) {
	if f.Party == nil || browser == "" {
		return "", ErrNoPasskeys
	}
	return f.ask(f.challenge(forLogin, browser), protocol.VerificationRequired, nil)
}

// AskStep returns the options for the second step of the login behind token:
// whoever is there has proved one factor, so the device need not check them. The
// error is ErrNone for no such login, ErrNoPasskeys for one of somebody who has none.
func (f *Factors) AskStep(ctx context.Context, token string) (string, error) {
	h, err := f.Find(ctx, token)
	if err != nil {
		return "", err
	}
	list, err := f.keys(ctx, h.User.Account, h.User.ID)
	if err != nil {
		return "", err
	}
	if f.usable(list) == 0 {
		return "", ErrNoPasskeys
	}
	return f.ask(f.challenge(forStep, h.Login.Handle), protocol.VerificationDiscouraged, list)
}

// AskAction returns the options for a proof inside an action of somebody who is
// logged in. A security key that cannot check who holds it may answer: see CheckKey.
// ErrNoPasskeys where they have none.
func (f *Factors) AskAction(ctx context.Context, u *store.User, session string) (string, error) {
	list, err := f.keys(ctx, u.Account, u.ID)
	if err != nil {
		return "", err
	}
	if f.usable(list) == 0 || session == "" {
		return "", ErrNoPasskeys
	}
	return f.ask(f.challenge(forAction, session), protocol.VerificationPreferred, list)
}

// userPattern is what ids of users look like.
var userPattern = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)

const (
	// nobody is the account and id of no user: no id has a dot.
	nobody = "nobody.here"
	// claimID: a claim is alone under its tag.
	claimID = ""
)

// owner finds the user that a passkey names, and their keys. For nobody it reads
// as much.
func (f *Factors) owner(ctx context.Context, handle string) (u *store.User, list *store.PasskeyList, err error) {
	account, id := nobody, nobody
	if userPattern.MatchString(handle) {
		id = handle
		claim, err := store.Claims.Get(ctx, f.store, store.UserTag(id), claimID)
		switch {
		case err == nil:
			account = claim.Account
		case !errors.Is(err, store.ErrNotFound):
			return nil, nil, fmt.Errorf("finding the user of a passkey: %w", err)
		}
	}
	u, err = store.Users.Get(ctx, f.store, store.AccountTag(account), id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, nil, fmt.Errorf("reading the user of a passkey: %w", err)
	}
	list, err = f.keys(ctx, account, id)
	return u, list, err
}

// Login takes the answer of a browser to AskLogin. The error is a *Denied or that
// of the store.
func (f *Factors) Login(ctx context.Context, browser, text string) (*Verified, error) {
	p, refused := f.read(text)
	if refused != nil {
		return nil, refused
	}
	until, refused := f.ours(p.challenge, forLogin, browser)
	if refused != nil || browser == "" {
		return nil, orForeign(refused)
	}
	handle := string(p.Response.UserHandle)
	u, list, err := f.owner(ctx, handle)
	if err != nil {
		return nil, err
	}
	var key *store.Passkey
	if i := findKey(list, p.RawID); i >= 0 && u != nil {
		key = &list.Keys[i]
	}
	if refused := f.verified(p, handle, key, true); refused != nil {
		refused.User = u
		return nil, refused
	}
	v := &Verified{}
	err = f.use(ctx, u, p, until, func(_ store.Tx, u *store.User, k *store.Passkey) error {
		k.Login = true // it just did
		v.user, v.key = u, f.view(k)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return v, nil
}

func orForeign(d *Denied) *Denied {
	if d == nil {
		return &Denied{Reason: Foreign}
	}
	return d
}

// use writes that a key answered a challenge, with what then does, in one step: of
// fifty at once with one answer one gets on. A copy is found here, where the
// counter is the one in force.
func (f *Factors) use(ctx context.Context, u *store.User, p posted, until time.Time, then func(tx store.Tx, u *store.User, k *store.Passkey) error) error {
	var refused *Denied
	err := f.withKeys(ctx, u.Account, u.ID, func(tx store.Tx, u *store.User, list *store.PasskeyList, now time.Time) error {
		refused = nil
		i := findKey(list, p.RawID)
		if i < 0 {
			refused = &Denied{Reason: Unknown, User: u}
			return refused
		}
		k := &list.Keys[i]
		if !answer(list, p.challenge, until, now) {
			refused = &Denied{Reason: Answered, User: u}
			return refused
		}
		count := p.Response.AuthenticatorData.Counter
		if count <= k.Counter && (count != 0 || k.Counter != 0) {
			refused = &Denied{Reason: Copied, User: u}
			return f.copied(ctx, tx, u, k, now)
		}
		k.Counter, k.Used, k.BackedUp = count, now, p.Response.AuthenticatorData.Flags.HasBackupState()
		return then(tx, u, k)
	})
	switch {
	case refused != nil && (err == nil || errors.Is(err, refused)):
		return refused
	case errors.Is(err, store.ErrNotFound):
		return &Denied{Reason: Unknown}
	case err != nil:
		return fmt.Errorf("using a passkey: %w", err)
	}
	return nil
}

// copied marks a key of which there is a copy. Its owner decides what becomes of
// it: they know which of the two devices is theirs.
func (f *Factors) copied(ctx context.Context, tx store.Tx, u *store.User, k *store.Passkey, now time.Time) error {
	f.Log.Warn("the counter of a passkey went back: there may be a copy of it", "user", u.ID, "account", u.Account, "passkey", keyID(k))
	k.Copied = now
	return keyring.Note(ctx, tx, audit.PasskeyCopied, u, k, now)
}

// PassKey is Pass with the answer of a browser to AskStep in place of a code. The
// caller has reserved the try. The error is a *Denied, ErrNone, or that of the store.
func (f *Factors) PassKey(ctx context.Context, token, text string) (*Passed, error) {
	account, user, id, ok := parse(token)
	if !ok {
		return nil, ErrNone
	}
	h, err := f.Find(ctx, token)
	if err != nil {
		return nil, err
	}
	p, until, key, err := f.answered(ctx, h.User, text, forStep, h.Login.Handle)
	if err != nil {
		return nil, err
	}
	if refused := f.verified(p, user, key, false); refused != nil {
		refused.User = h.User
		return nil, refused
	}
	var passed *Passed
	err = f.use(ctx, &store.User{Account: account, ID: user}, p, until, func(tx store.Tx, u *store.User, _ *store.Passkey) error {
		h, err := store.HalfLogins.Read(tx, id)
		if errors.Is(err, store.ErrNotFound) || err == nil && !live(h, u, f.Now()) {
			return ErrNone
		}
		if err != nil {
			return err
		}
		passed = &Passed{Half: Half{*h, u}, Key: true}
		return store.HalfLogins.Delete(tx, id)
	})
	if errors.Is(err, ErrNone) {
		return nil, ErrNone
	}
	return passed, err
}

// CheckKey compares the answer of a browser to AskAction. both tells whether the
// device checked who held it; else it is one factor only, and the first is to be
// shown besides. The error is a *Denied or that of the store.
func (f *Factors) CheckKey(ctx context.Context, u *store.User, session, text string) (both bool, err error) {
	p, until, key, err := f.answered(ctx, u, text, forAction, session)
	if err != nil {
		return false, err
	}
	if refused := f.verified(p, u.ID, key, false); refused != nil {
		refused.User = u
		return false, refused
	}
	err = f.use(ctx, u, p, until, func(store.Tx, *store.User, *store.Passkey) error { return nil })
	return err == nil && p.Response.AuthenticatorData.Flags.HasUserVerified(), err
}

// answered reads an answer of a user who is known, and finds the key it is of.
func (f *Factors) answered(ctx context.Context, u *store.User, text, purpose, bound string) (p posted, until time.Time, key *store.Passkey, err error) {
	p, refused := f.read(text)
	if refused == nil {
		until, refused = f.ours(p.challenge, purpose, bound)
	}
	if refused != nil {
		refused.User = u
		return p, until, nil, refused
	}
	list, err := f.keys(ctx, u.Account, u.ID)
	if err != nil {
		return p, until, nil, err
	}
	if i := findKey(list, p.RawID); i >= 0 {
		key = &list.Keys[i]
	}
	return p, until, key, nil
}
