package passhash

import (
	"crypto/md5" //nolint:gosec // to read what other products wrote
	"crypto/subtle"
	"regexp"
	"strings"
)

// phpass: what WordPress made up to 6.7 ($P$) and phpBB ($H$).
const (
	itoa64         = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	minPHPassLog   = 7
	maxPHPassLog   = 20
	phpassSettings = len("$P$B") + 8
)

var phpassForm = regexp.MustCompile(`^\$[PH]\$[./0-9A-Za-z][./0-9A-Za-z]{8}[./0-9A-Za-z]{22}$`)

func readPHPass(encoded string) (stored, error) {
	if !phpassForm.MatchString(encoded) {
		return stored{}, unknown("phpass is written $P$, and 31 letters")
	}
	log := strings.IndexByte(itoa64, encoded[3])
	if log < minPHPassLog || log > maxPHPassLog {
		return stored{}, unknown("phpass with 2^{given} rounds: must be from 2^{low} to 2^{high}", "given", log, "low", minPHPassLog, "high", maxPHPassLog)
	}
	salt, want := encoded[phpassSettings-8:phpassSettings], encoded[phpassSettings:]
	return stored{scheme: "phpass", work: 150 << log, match: func(password string) bool {
		if len(password) > maxIterated {
			return false
		}
		return subtle.ConstantTimeCompare([]byte(phpass(salt, password, log)), []byte(want)) == 1
	}}, nil
}

func phpass(salt, password string, log int) string {
	sum := md5.Sum([]byte(salt + password)) //nolint:gosec // as above
	buffer := make([]byte, len(sum)+len(password))
	copy(buffer[len(sum):], password)
	for range 1 << log {
		copy(buffer, sum[:])
		sum = md5.Sum(buffer) //nolint:gosec // as above
	}
	return phpassText(sum[:])
}

// phpassText is base64 of its own kind: the lowest six bits first.
func phpassText(raw []byte) string {
	var b strings.Builder
	for i := 0; i < len(raw); i += 3 {
		group, n := 0, min(3, len(raw)-i)
		for j := range n {
			group |= int(raw[i+j]) << (8 * j)
		}
		for range n + 1 {
			b.WriteByte(itoa64[group&0x3f])
			group >>= 6
		}
	}
	return b.String()
}
