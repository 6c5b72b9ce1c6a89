package passhash

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"math/bits"
	"regexp"
	"strconv"
	"strings"
)

// What web frameworks make of the common schemes: other texts around the same
// computation, or one hash before the other.

var djangoPBKDF2 = regexp.MustCompile(`^pbkdf2_(sha256|sha1)\$([0-9]{1,9})\$([^$]{1,64})\$([+/=A-Za-z0-9]+)$`)

func readDjangoPBKDF2(encoded string) (stored, error) {
	m := djangoPBKDF2.FindStringSubmatch(encoded)
	if m == nil {
		return stored{}, unknown("Django writes pbkdf2_sha256$iterations$salt$hash")
	}
	key, err := base64.StdEncoding.DecodeString(m[4])
	if err != nil {
		return stored{}, unknown("PBKDF2: the key is no base64")
	}
	return pbkdf2Of("django pbkdf2", m[1], m[2], []byte(m[3]), key)
}

func readDjangoArgon2(encoded string) (stored, error) {
	s, err := readArgon2(strings.TrimPrefix(encoded, "argon2"))
	s.scheme, s.params = "django argon2", Params{} // written anew in our own form
	return s, err
}

func readDjangoBcrypt(encoded string) (stored, error) {
	return bcryptOf(strings.TrimPrefix(encoded, "bcrypt$"), "django bcrypt", nil)
}

func readDjangoBcryptSHA256(encoded string) (stored, error) {
	return bcryptOf(strings.TrimPrefix(encoded, "bcrypt_sha256$"), "django bcrypt_sha256", func(password string) string {
		sum := sha256.Sum256([]byte(password))
		return hex.EncodeToString(sum[:])
	})
}

var djangoScrypt = regexp.MustCompile(`^scrypt\$([0-9]{1,9})\$([^$]{1,64})\$([0-9]{1,2})\$([0-9]{1,2})\$([+/=A-Za-z0-9]+)$`)

func readDjangoScrypt(encoded string) (stored, error) {
	m := djangoScrypt.FindStringSubmatch(encoded)
	if m == nil {
		return stored{}, unknown("Django writes scrypt$N$salt$r$p$hash")
	}
	key, err := base64.StdEncoding.DecodeString(m[5])
	if err != nil {
		return stored{}, unknown("scrypt: the key is no base64")
	}
	log, err := powerOfTwo(m[1])
	if err != nil {
		return stored{}, err
	}
	return scryptOf("django scrypt", log, m[3], m[4], []byte(m[2]), key)
}

// powerOfTwo returns the exponent of N.
func powerOfTwo(text string) (int, error) {
	n, err := number(text, 2, 1<<maxScryptLog)
	if err != nil || n&(n-1) != 0 {
		return 0, unknown("scrypt with N={given}: must be a power of two up to {most}", "given", text, "most", 1<<maxScryptLog)
	}
	return bits.TrailingZeros(uint(n)), nil
}

var djangoSalted = regexp.MustCompile(`^(md5|sha1)\$([^$]{0,64})\$([0-9a-f]+)$`)

func readDjangoSalted(encoded string) (stored, error) {
	m := djangoSalted.FindStringSubmatch(encoded)
	if m == nil {
		return stored{}, unknown("Django writes md5$salt$hash")
	}
	again, err := Salted(m[1], "%salt%%password%", m[2], m[3])
	if err != nil {
		return stored{}, err
	}
	s, err := readSalted(again)
	s.scheme = "django " + m[1]
	return s, err
}

// readWordPress reads what WordPress makes since 6.8: bcrypt of an HMAC, so that
// long passwords count whole.
func readWordPress(encoded string) (stored, error) {
	return bcryptOf(strings.TrimPrefix(encoded, "$wp"), "wordpress", func(password string) string {
		mac := hmac.New(sha512.New384, []byte("wp-sha384"))
		mac.Write([]byte(strings.Trim(password, " \t\n\r\x00\x0b"))) // as PHP's trim
		return base64.StdEncoding.EncodeToString(mac.Sum(nil))
	})
}

var (
	werkzeugPBKDF2 = regexp.MustCompile(`^pbkdf2:(sha1|sha256|sha512):([0-9]{1,9})\$([A-Za-z0-9]{1,64})\$([0-9a-f]+)$`)
	werkzeugScrypt = regexp.MustCompile(`^scrypt:([0-9]{1,9}):([0-9]{1,2}):([0-9]{1,2})\$([A-Za-z0-9]{1,64})\$([0-9a-f]+)$`)
)

// readWerkzeug reads the hashes of Flask.
func readWerkzeug(encoded string) (stored, error) {
	if m := werkzeugPBKDF2.FindStringSubmatch(encoded); m != nil {
		key, err := hex.DecodeString(m[4])
		if err != nil {
			return stored{}, unknown("PBKDF2: the key is no hex")
		}
		return pbkdf2Of("werkzeug pbkdf2", m[1], m[2], []byte(m[3]), key)
	}
	m := werkzeugScrypt.FindStringSubmatch(encoded)
	if m == nil {
		return stored{}, unknown("Werkzeug writes pbkdf2:sha256:600000$salt$hash or scrypt:32768:8:1$salt$hash")
	}
	key, err := hex.DecodeString(m[5])
	if err != nil {
		return stored{}, unknown("scrypt: the key is no hex")
	}
	log, err := powerOfTwo(m[1])
	if err != nil {
		return stored{}, err
	}
	return scryptOf("werkzeug scrypt", log, m[2], m[3], []byte(m[4]), key)
}

// quoted is for errors.
func quoted(text string) string { return strconv.Quote(text) }
