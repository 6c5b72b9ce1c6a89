package passhash

import (
	"errors"
	"strings"
	"time"

	"github.com/go-crypt/crypt/algorithm"

	"github.com/cliendo/gateway/caddymodule/phrase"
)

// The bounds of a stored hash, as text.
const (
	maxEncoded = 512
	// maxIterated is the longest password, in bytes, of the schemes that hash it
	// again in every round: there its length multiplies the work.
	maxIterated = 256
)

// stored is a hash that was written down.
type stored struct {
	scheme string
	// params are the costs of one of our own, zero for every other scheme.
	params Params
	// work is about how long a comparison takes on a present core. It decides
	// whether a hash is cheap, and nothing that must be exact.
	work  time.Duration
	match func(password string) bool
}

// decode reads a stored hash. The costs are judged before anything is computed.
// This is the one place that knows schemes.
func decode(encoded string) (stored, error) {
	if len(encoded) > maxEncoded {
		return stored{}, unknown("a hash of {given} bytes; at most {most} are read", "given", len(encoded), "most", maxEncoded)
	}
	for _, s := range schemes {
		if strings.HasPrefix(encoded, s.prefix) {
			return s.read(encoded)
		}
	}
	return stored{}, unknown("it begins like no scheme that is known")
}

// unknown makes an ErrUnknownScheme that says why. It never repeats the hash.
func unknown(reason string, values ...any) error { return &unread{phrase.Of(reason, values...)} }

// unread is an ErrUnknownScheme.
type unread struct{ reason phrase.Phrase }

func (e *unread) Error() string {
	return "reading a password hash: " + e.reason.String() + ": " + ErrUnknownScheme.Error()
}

func (*unread) Unwrap() error { return ErrUnknownScheme }

// schemes lists what a hash may begin with and who reads it then.
var schemes = []struct {
	prefix string
	name   string
	read   func(encoded string) (stored, error)
}{
	{"$argon2id$", "argon2id", readArgon2},
	{"$argon2i$", "argon2i", readArgon2},
	{"$argon2d$", "argon2d", readArgon2},
	{"$2a$", "bcrypt", readBcrypt},
	{"$2b$", "bcrypt", readBcrypt},
	{"$2y$", "bcrypt", readBcrypt},
	{"$bcrypt-sha256$", "bcrypt-sha256", readBcryptSHA256},
	{"$wp$2y$", "wordpress", readWordPress},
	{"$scrypt$", "scrypt", readScrypt},
	{"$pbkdf2", "pbkdf2", readPBKDF2},
	{"$5$", "sha256-crypt", readSHACrypt},
	{"$6$", "sha512-crypt", readSHACrypt},
	{"$1$", "md5-crypt", readMD5Crypt},
	{"$P$", "phpass", readPHPass},
	{"$H$", "phpass", readPHPass},
	{"pbkdf2_sha", "django pbkdf2", readDjangoPBKDF2},
	{"argon2$argon2", "django argon2", readDjangoArgon2},
	{"bcrypt_sha256$$2", "django bcrypt_sha256", readDjangoBcryptSHA256},
	{"bcrypt$$2", "django bcrypt", readDjangoBcrypt},
	{"scrypt$", "django scrypt", readDjangoScrypt},
	{"md5$", "django md5", readDjangoSalted},
	{"sha1$", "django sha1", readDjangoSalted},
	{"pbkdf2:", "werkzeug pbkdf2", readWerkzeug},
	{"scrypt:", "werkzeug scrypt", readWerkzeug},
	{saltedPrefix, "salted", readSalted},
}

// Schemes lists the schemes that are verified, in the order of the documentation.
func Schemes() []string {
	var names []string
	for _, s := range schemes {
		if len(names) == 0 || names[len(names)-1] != s.name {
			names = append(names, s.name)
		}
	}
	return names
}

// Scheme returns the name of the scheme of an encoded hash. The error is an
// ErrUnknownScheme, and says what is wrong without repeating the hash.
func Scheme(encoded string) (string, error) {
	s, err := decode(encoded)
	return s.scheme, err
}

// Reason returns what is wrong with a hash that Scheme or Salted refused, as a
// clause without the words around it.
func Reason(err error) phrase.Phrase {
	var e *unread
	if errors.As(err, &e) {
		return e.reason
	}
	return phrase.Of(err.Error())
}

// matcher compares by the library. It may fail on hashes it read before; those
// match nothing.
func matcher(d algorithm.Digest, longest int, before func(string) string) func(string) bool {
	return func(password string) bool {
		if longest > 0 && len(password) > longest {
			return false
		}
		if before != nil {
			password = before(password)
		}
		ok, err := d.MatchAdvanced(password)
		return ok && err == nil
	}
}

// number reads a decimal of at most nine digits without sign or leading zero,
// and errOutside when it is not from low to high.
func number(text string, low, high int) (int, error) {
	n := 0
	if text == "" || len(text) > 9 || len(text) > 1 && text[0] == '0' {
		return 0, errOutside
	}
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return 0, errOutside
		}
		n = n*10 + int(c-'0')
	}
	if n < low || n > high {
		return 0, errOutside
	}
	return n, nil
}

var errOutside = errors.New("outside of the bounds")
