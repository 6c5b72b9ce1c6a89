package passhash

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"time"

	"github.com/go-crypt/crypt/algorithm/pbkdf2"
	"github.com/go-crypt/crypt/algorithm/scrypt"
)

// The bounds of key derivations that are brought along.
const (
	// maxIterations bounds PBKDF2, for each block of key that is derived.
	maxIterations = 2_000_000
	maxKey        = 64
	maxSalt       = 64
	// maxScryptLog and maxScryptWork bound scrypt: N is a power of two up to 2^17,
	// and N*r*p is the work, 128*N*r the memory.
	maxScryptLog  = 17
	maxScryptWork = 1 << 21
)

// digestSize is the length of one block of PBKDF2 by hash function, in bytes.
var digestSize = map[string]int{"sha1": 20, "sha256": 32, "sha512": 64}

var pbkdf2Form = regexp.MustCompile(`^\$pbkdf2(-sha256|-sha512|-sha1)?\$([0-9]{1,9})\$([./A-Za-z0-9]*)\$([./A-Za-z0-9]+)$`)

// adapted is the base64 of passlib: dots for plus signs, no padding.
var adapted = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./").WithPadding(base64.NoPadding)

func readPBKDF2(encoded string) (stored, error) {
	m := pbkdf2Form.FindStringSubmatch(encoded)
	if m == nil {
		return stored{}, unknown("PBKDF2 is written $pbkdf2-sha256$29000$salt$hash, in base64 with dots")
	}
	hash := "sha1"
	if m[1] != "" {
		hash = m[1][1:]
	}
	salt, err1 := adapted.DecodeString(m[3])
	key, err2 := adapted.DecodeString(m[4])
	if err1 != nil || err2 != nil {
		return stored{}, unknown("PBKDF2: salt or key is no base64")
	}
	return pbkdf2Of("pbkdf2", hash, m[2], salt, key)
}

// pbkdf2Of judges the costs, and has the library read the one form it knows.
func pbkdf2Of(scheme, hash, iterations string, salt, key []byte) (stored, error) {
	size := digestSize[hash]
	if size == 0 || len(key) < minKey || len(key) > maxKey || len(salt) > maxSalt {
		return stored{}, unknown("PBKDF2: keys of {low} to {high} bytes, salts of up to {salt}, and sha1, sha256 or sha512 are read", "low", minKey, "high", maxKey, "salt", maxSalt)
	}
	n, err := number(iterations, 1, maxIterations)
	blocks := (len(key) + size - 1) / size
	if err != nil || n*blocks > maxIterations {
		return stored{}, unknown("PBKDF2 with {given} iterations for a key of {size} bytes: must be from 1 to {high}", "given", iterations, "size", len(key), "high", maxIterations/blocks)
	}
	digest, err := pbkdf2.Decode(fmt.Sprintf("$pbkdf2-%s$%d$%s$%s", hash, n, adapted.EncodeToString(salt), adapted.EncodeToString(key)))
	if err != nil {
		return stored{}, unknown("PBKDF2: salt or key")
	}
	return stored{scheme: scheme, work: time.Duration(n*blocks) * 300, match: matcher(digest, 0, nil)}, nil
}

var scryptForm = regexp.MustCompile(`^\$scrypt\$ln=([0-9]{1,2}),r=([0-9]{1,2}),p=([0-9]{1,2})\$([+/A-Za-z0-9]+)\$([+/A-Za-z0-9]+)$`)

func readScrypt(encoded string) (stored, error) {
	m := scryptForm.FindStringSubmatch(encoded)
	if m == nil {
		return stored{}, unknown("scrypt is written $scrypt$ln=16,r=8,p=1$salt$hash")
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(m[4])
	key, err2 := base64.RawStdEncoding.DecodeString(m[5])
	log, err3 := number(m[1], 1, maxScryptLog)
	if err1 != nil || err2 != nil {
		return stored{}, unknown("scrypt: salt or key is no base64")
	}
	if err3 != nil {
		return stored{}, unknown("scrypt with ln={given}: must be from 1 to {high}", "given", m[1], "high", maxScryptLog)
	}
	return scryptOf("scrypt", log, m[2], m[3], salt, key)
}

func scryptOf(scheme string, log int, block, lanes string, salt, key []byte) (stored, error) {
	r, err1 := number(block, 1, 32)
	p, err2 := number(lanes, 1, 16)
	if err1 != nil || err2 != nil || r*p<<log > maxScryptWork || 128*r<<log > MaxMemory<<10 {
		return stored{}, unknown("scrypt with N=2^{n}, r={r}, p={p}: r must be up to 32, p up to 16, N*r*p up to {most}", "n", log, "r", block, "p", lanes, "most", maxScryptWork)
	}
	if len(key) < minKey || len(key) > maxKey || len(salt) > maxSalt || len(salt) == 0 {
		return stored{}, unknown("scrypt: keys of {low} to {high} bytes and salts of up to {salt} are read", "low", minKey, "high", maxKey, "salt", maxSalt)
	}
	b64 := base64.RawStdEncoding
	digest, err := scrypt.DecodeVariant(scrypt.VariantScrypt)(
		fmt.Sprintf("$scrypt$ln=%d,r=%d,p=%d$%s$%s", log, r, p, b64.EncodeToString(salt), b64.EncodeToString(key)))
	if err != nil {
		return stored{}, unknown("scrypt: salt or key")
	}
	return stored{scheme: scheme, work: time.Duration(r*p<<log) * 300, match: matcher(digest, 0, nil)}, nil
}
