package factor

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cliendo/gateway/caddymodule/keyring"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// MaxKeys is how many passkeys one user has.
const MaxKeys = 20

// maxName bounds the name of a passkey, in characters.
const maxName = 60

// Why a passkey, or what a browser sent of one, was not accepted.
const (
	Malformed  = "malformed"  // not what a browser sends
	Foreign    = "foreign"    // the challenge is not ours, of another browser, or for something else
	Late       = "late"       // the challenge is too old
	Answered   = "answered"   // the challenge was answered before
	Unknown    = "unknown"    // nobody has the key, or not this user
	Unverified = "unverified" // the device did not check who held it
	Forged     = "forged"     // the signature, origin or domain is not right
	Copied     = "copied"     // its counter went back: there is a copy
	Twice      = "twice"      // it is there already
	TooMany    = "too_many"   // of keys
	LastStep   = "last_step"  // without it the second step could not be passed
	LastWay    = "last_way"   // without it nobody could log in
	Alone      = "alone"      // as Unverified, where another proof beside it is enough
)

// Denied is the error of a passkey that was not accepted.
type Denied struct {
	Reason string
	// User is whose key it was to be, nil for nobody's.
	User *store.User
	// Cause is what the library found, for the log.
	Cause error
}

func (d *Denied) Error() string {
	if d.Cause == nil {
		return "passkey not accepted: " + d.Reason
	}
	return "passkey not accepted: " + d.Reason + ": " + d.Cause.Error()
}

func (d *Denied) Unwrap() error { return d.Cause }

// ErrNoPasskeys says that there are none here: no public address that they could
// be made for.
var ErrNoPasskeys = errors.New("no passkeys: set public_url to a name, an IP address has none")

// Key is a passkey for its owner to see.
type Key struct {
	ID      string // names it, and opens nothing
	Name    string
	Maker   string // the model or password manager, empty where not known
	Agent   string // the browser it was made with
	Created time.Time
	Used    time.Time
	Login   bool // it logs in by itself
	Synced  bool // its maker copies it to other devices
	Copied  time.Time
	// Elsewhere: it was made for another domain and cannot be used any more.
	Elsewhere bool
}

func (f *Factors) view(k *store.Passkey) Key {
	return Key{
		ID: keyID(k), Name: k.Name, Maker: maker(k.AAGUID), Agent: k.Agent, Created: k.Created, Used: k.Used, Login: k.Login,
		Synced: k.BackedUp, Copied: k.Copied, Elsewhere: f.Party == nil || k.RP != f.Party.ID,
	}
}

// keyID is a short name of a key.
func keyID(k *store.Passkey) string { return secret.Digest(string(k.ID))[:16] }

// Keys returns the passkeys of u, the oldest first.
func (f *Factors) Keys(ctx context.Context, u *store.User) ([]Key, error) {
	list, err := f.keys(ctx, u.Account, u.ID)
	if err != nil {
		return nil, err
	}
	all := make([]Key, len(list.Keys))
	for i := range list.Keys {
		all[i] = f.view(&list.Keys[i])
	}
	return all, nil
}

// usable counts the keys that were made for this domain.
func (f *Factors) usable(list *store.PasskeyList) (n int) {
	for i := range list.Keys {
		if f.Party != nil && list.Keys[i].RP == f.Party.ID {
			n++
		}
	}
	return n
}

// logins counts those with which somebody logs in without anything else.
func (f *Factors) logins(list *store.PasskeyList) (n int) {
	for i := range list.Keys {
		if k := &list.Keys[i]; f.Party != nil && k.RP == f.Party.ID && k.Login {
			n++
		}
	}
	return n
}

func (f *Factors) keys(ctx context.Context, account, user string) (*store.PasskeyList, error) {
	return orEmpty(ctx, f.store, store.Passkeys, account, user)
}

// withKeys runs fn on a user and their passkeys in one Update, again for as long as
// others are faster. What fn leaves in list is written. fn may run more than once.
func (f *Factors) withKeys(ctx context.Context, account, user string, fn func(tx store.Tx, u *store.User, list *store.PasskeyList, now time.Time) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := f.store.Update(ctx, store.AccountTag(account), func(tx store.Tx) error {
			u, err := store.Users.Read(tx, user)
			if err != nil {
				return err
			}
			list, err := keyring.Read(tx, user)
			if err != nil {
				return err
			}
			if err := fn(tx, u, list, f.Now()); err != nil {
				return err
			}
			return keyring.Write(tx, user, list)
		})
		if !errors.Is(err, store.ErrConflict) || ctx.Err() != nil {
			return err
		}
		time.Sleep(10*time.Millisecond + rand.N(20*time.Millisecond)) //nolint:gosec // nobody gains by guessing it
	}
}

// findKey returns the place of a credential in list, -1 for none.
func findKey(list *store.PasskeyList, credential []byte) int {
	return slices.IndexFunc(list.Keys, func(k store.Passkey) bool { return bytes.Equal(k.ID, credential) })
}

// namedKey is findKey by the short name.
func namedKey(list *store.PasskeyList, id string) int {
	return slices.IndexFunc(list.Keys, func(k store.Passkey) bool { return keyID(&k) == id })
}

// cleanName is a name as it may be kept: one line, not too long.
func cleanName(name string) string {
	name = strings.Join(strings.Fields(strings.ToValidUTF8(name, "")), " ")
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return -1 // control characters, and those that turn a line around
		}
		return r
	}, name)
	if runes := []rune(name); len(runes) > maxName {
		name = strings.TrimSpace(string(runes[:maxName]))
	}
	return name
}

// makers are password managers and systems that keep passkeys, by the id that they
// put into each; the ids are published by their makers. It is a help for people
// who look at their list, and nothing is decided by it.
var makers = map[string]string{
	"ea9b8d664d011d213ce4b6b48cb575d4": "Google Password Manager",
	"adce000235bcc60a648b0b25f1f05503": "Chrome",
	"fbfc3007154e4ecc8c0b6e020557d7bd": "iCloud",
	"dd4ec289e01d41c9bb8970fa845d4bf2": "iCloud",
	"08987058cadc4b81b6e130de50dcbe96": "Windows Hello",
	"9ddd1817af5a4672a2b93e3dd95000a9": "Windows Hello",
	"6028b017b1d44c02b4b3afcdafc96bb2": "Windows Hello",
	"bada5566a7aa401fbd9645619a55120d": "1Password",
	"d548826e79b4db40a3d811116f7e8349": "Bitwarden",
	"531126d6e717415c93203d9aa6981239": "Dashlane",
	"b84e404815dc4dd08640f4f60813c8af": "NordPass",
	"50726f746f6e5061737350726f746f6e": "Proton Pass",
	"53414d53554e47000000000000000000": "Samsung Pass",
	"fdb141b25d84443e8a354698c205a502": "KeePassXC",
}

func maker(aaguid []byte) string { return makers[hex.EncodeToString(aaguid)] }
