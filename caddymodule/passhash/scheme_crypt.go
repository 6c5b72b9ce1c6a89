package passhash

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/go-crypt/crypt/algorithm/argon2"
	"github.com/go-crypt/crypt/algorithm/bcrypt"
	"github.com/go-crypt/crypt/algorithm/md5crypt"
	"github.com/go-crypt/crypt/algorithm/shacrypt"
)

// The bounds of what is brought along. The most expensive hash within them takes
// about a second on a present core.
const (
	minBcrypt = 4
	maxBcrypt = 14
	// maxShaRounds is above what any library makes by default.
	maxShaRounds = 1_000_000
	minShaRounds = 1000
	shaDefault   = 5000
)

func readArgon2(encoded string) (stored, error) {
	parts := strings.Split(encoded, "$")
	if len(parts) != 6 || parts[2] != "v=19" {
		return stored{}, unknown("Argon2 is written $argon2id$v=19$m=..,t=..,p=..$salt$hash")
	}
	var p Params
	_, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.Memory, &p.Time, &p.Threads)
	// Comparing with what we would write refuses signs, blanks and anything after.
	if err != nil || p.String() != parts[3] || p.Time == 0 || p.Threads == 0 || p.Memory == 0 {
		return stored{}, unknown("costs {given}", "given", fmt.Sprintf("%.40q", parts[3]))
	}
	if err := p.Validate(); err != nil {
		return stored{}, unknown("Argon2 with a {given}", "given", err)
	}
	digest, err := argon2.Decode(encoded)
	if err != nil || len(digest.Salt()) < minSalt || len(digest.Key()) < minKey || len(digest.Key()) > maxKey {
		return stored{}, unknown("salt or key")
	}
	s := stored{scheme: parts[1], work: p.work(), match: matcher(digest, 0, nil)}
	if parts[1] == "argon2id" {
		s.params = p
	}
	return s, nil
}

var bcryptForm = regexp.MustCompile(`^\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}$`)

func readBcrypt(encoded string) (stored, error) { return bcryptOf(encoded, "bcrypt", nil) }

// bcryptOf reads bcrypt whose input is made by before. bcrypt itself looks at
// the first 72 bytes only; that is how these hashes came about.
func bcryptOf(encoded, scheme string, before func(string) string) (stored, error) {
	if !bcryptForm.MatchString(encoded) {
		return stored{}, unknown("bcrypt is written $2y$, two digits, $, and 53 letters")
	}
	cost, err := number(strings.TrimPrefix(encoded[4:6], "0"), minBcrypt, maxBcrypt)
	if err != nil {
		return stored{}, unknown("bcrypt with a cost of {given}: must be from {low} to {high}", "given", encoded[4:6], "low", minBcrypt, "high", maxBcrypt)
	}
	digest, err := bcrypt.Decode(encoded)
	if err != nil {
		return stored{}, unknown("bcrypt: salt or key")
	}
	return stored{scheme: scheme, work: bcryptWork(cost), match: matcher(digest, 0, before)}, nil
}

// bcryptWork is 50 ms at cost 10, and doubles with each.
func bcryptWork(cost int) time.Duration { return 50 * time.Microsecond << cost }

// The form of passlib, version 2.
var bcryptSHA256Form = regexp.MustCompile(`^\$bcrypt-sha256\$v=2,t=2b,r=([0-9]{1,2})\$[./A-Za-z0-9]{22}\$[./A-Za-z0-9]{31}$`)

func readBcryptSHA256(encoded string) (stored, error) {
	m := bcryptSHA256Form.FindStringSubmatch(encoded)
	if m == nil {
		return stored{}, unknown("bcrypt-sha256 is written $bcrypt-sha256$v=2,t=2b,r=12$salt$hash")
	}
	cost, err := number(m[1], minBcrypt, maxBcrypt)
	if err != nil {
		return stored{}, unknown("bcrypt-sha256 with a cost of {given}: must be from {low} to {high}", "given", m[1], "low", minBcrypt, "high", maxBcrypt)
	}
	digest, err := bcrypt.DecodeVariant(bcrypt.VariantSHA256)(encoded)
	if err != nil {
		return stored{}, unknown("bcrypt-sha256: salt or key")
	}
	return stored{scheme: "bcrypt-sha256", work: bcryptWork(cost), match: matcher(digest, 0, nil)}, nil
}

var shaForm = regexp.MustCompile(`^\$(5|6)\$(?:rounds=([0-9]{1,9})\$)?([./A-Za-z0-9]{0,16})\$([./A-Za-z0-9]{43}|[./A-Za-z0-9]{86})$`)

func readSHACrypt(encoded string) (stored, error) {
	m := shaForm.FindStringSubmatch(encoded)
	if m == nil || (m[1] == "5") != (len(m[4]) == 43) {
		return stored{}, unknown("sha-crypt is written $6$rounds=5000$salt$hash, with at most 16 letters of salt")
	}
	rounds := shaDefault
	if m[2] != "" {
		var err error
		if rounds, err = number(m[2], minShaRounds, maxShaRounds); err != nil {
			return stored{}, unknown("sha-crypt with {given} rounds: must be from {low} to {high}", "given", m[2], "low", minShaRounds, "high", maxShaRounds)
		}
	}
	digest, err := shacrypt.Decode(encoded)
	if err != nil {
		return stored{}, unknown("sha-crypt: salt or key")
	}
	name := "sha256-crypt"
	if m[1] == "6" {
		name = "sha512-crypt"
	}
	return stored{scheme: name, work: time.Duration(rounds) * 600, match: matcher(digest, maxIterated, nil)}, nil
}

var md5Form = regexp.MustCompile(`^\$1\$[./A-Za-z0-9]{0,8}\$[./A-Za-z0-9]{22}$`)

func readMD5Crypt(encoded string) (stored, error) {
	if !md5Form.MatchString(encoded) {
		return stored{}, unknown("md5-crypt is written $1$, up to 8 letters of salt, $, and 22 letters")
	}
	digest, err := md5crypt.Decode(encoded)
	if err != nil {
		return stored{}, unknown("md5-crypt: salt or key")
	}
	return stored{scheme: "md5-crypt", work: time.Millisecond, match: matcher(digest, maxIterated, nil)}, nil
}
