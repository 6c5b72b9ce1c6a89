package factor

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

const (
	stepLength = 30 * time.Second // RFC 6238, as every app has it
	digits     = 6
	// drift is how many steps a clock may be off.
	drift = 1
	// within is how many steps a clock may be off for us to say so.
	within = 10
	// codeCount is how many recovery codes there are.
	codeCount = 10
)

// Why a code was not accepted.
const (
	Mistyped = "wrong" // it is none of this user's
	Used     = "used"  // it was accepted before
	Clock    = "clock" // it is right on a clock that is off
)

// Wrong is the error of a code that was not accepted.
type Wrong struct {
	Reason string
	// Off is by how much the clock it was made with is ahead, negative where it is
	// behind; to half a minute.
	Off time.Duration
}

func (w *Wrong) Error() string { return "code not accepted: " + w.Reason }

// Accepted says which kind of code was.
type Accepted struct {
	Recovery  bool
	CodesLeft int // recovery codes that can still be used
}

// clean is a code without what people and apps put between its characters.
func clean(typed string) string {
	var b strings.Builder
	for _, r := range typed {
		if unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) || unicode.Is(unicode.Cf, r) || r == '.' || r == '_' {
			continue
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// accept compares a code and takes it out of rec. A nil error means that rec is to
// be written; after a *Wrong it is to be written as well.
func (f *Factors) accept(rec *store.Factor, u *store.User, typed string, now time.Time) (Accepted, error) {
	code := clean(typed)
	if len(code) == secret.RecoveryLength {
		return acceptRecovery(rec, u, code)
	}
	if rec.Seed == "" { // passkeys and recovery codes only
		return Accepted{}, &Wrong{Reason: Mistyped}
	}
	seed, err := f.open(rec.Seed, u)
	if err != nil {
		f.Log.Error("the seed of a second step cannot be opened: was the secret changed without the old one? recovery codes still work",
			"user", u.ID, "error", err)
		return Accepted{}, &Wrong{Reason: Mistyped}
	}
	step, wrong := match(seed, code, now, rec.Step, rec.Burned)
	if wrong != nil {
		if wrong.Reason == Clock && wrong.Off > 0 {
			// Who guesses has just been told what will be right in a moment.
			burn(rec, step, now)
		}
		return Accepted{}, wrong
	}
	rec.Step, rec.Burned = step, later(rec.Burned, step)
	rec.Seed = f.seal(seed, u) // with the secret in force, so that an old one can go
	return Accepted{CodesLeft: len(rec.Codes)}, nil
}

func (f *Factors) seal(seed string, u *store.User) string {
	return f.Box.Seal([]byte(seed), place("seed", u))
}

func (f *Factors) open(sealed string, u *store.User) (string, error) {
	seed, err := f.Box.Open(sealed, place("seed", u))
	return string(seed), err
}

func acceptRecovery(rec *store.Factor, u *store.User, code string) (Accepted, error) {
	digest, found := digestOf(u, code), -1
	for i, d := range rec.Codes {
		if subtle.ConstantTimeCompare([]byte(d), []byte(digest)) == 1 {
			found = i
		}
	}
	if found < 0 {
		return Accepted{}, &Wrong{Reason: Mistyped}
	}
	rec.Codes = slices.Delete(rec.Codes, found, found+1)
	return Accepted{Recovery: true, CodesLeft: len(rec.Codes)}, nil
}

// digestOf is how a recovery code lies in the store. It has 76 random bits, so
// neither a key nor a slow hash would add anything, and it outlives every secret
// of the gateway: it is the way in when all else is lost.
func digestOf(u *store.User, code string) string {
	sum := sha256.Sum256([]byte("recovery code\x00" + u.Account + "\x00" + u.ID + "\x00" + code))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// match finds the time step of a code. Steps up to last, and those burned, were
// used. It computes as much for a wrong code as for a right one.
func match(seed, code string, now time.Time, last int64, burned []int64) (step int64, wrong *Wrong) {
	at, found := stepAt(now), int64(-1)
	if len(code) == digits {
		for d := int64(within); d >= -within; d-- {
			want, err := codeAt(seed, at+d)
			if err != nil {
				return 0, &Wrong{Reason: Mistyped}
			}
			// Among several that fit, the nearest counts.
			if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && (found < 0 || abs(d) <= abs(found-at)) {
				found = at + d
			}
		}
	}
	switch off := found - at; {
	case found < 0:
		return 0, &Wrong{Reason: Mistyped}
	case abs(off) > drift:
		return found, &Wrong{Reason: Clock, Off: time.Duration(off) * stepLength}
	case found <= last || slices.Contains(burned, found):
		return found, &Wrong{Reason: Used}
	}
	return found, nil
}

func abs(n int64) int64 { return max(n, -n) }

// stepAt is the number of the time step at now.
func stepAt(now time.Time) int64 { return now.Unix() / int64(stepLength/time.Second) }

func codeAt(seed string, step int64) (string, error) {
	if step < 0 {
		return "", nil // before 1970: no code fits
	}
	code, err := hotp.GenerateCodeCustom(seed, uint64(step), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
	if err != nil {
		return "", fmt.Errorf("computing a code: %w", err)
	}
	return code, nil
}

// burn makes a coming step count as used.
func burn(rec *store.Factor, step int64, now time.Time) {
	rec.Burned = later(rec.Burned, stepAt(now)-drift-1)
	if !slices.Contains(rec.Burned, step) {
		rec.Burned = append(rec.Burned, step)
	}
}

// later returns those of steps after one.
func later(steps []int64, after int64) (left []int64) {
	for _, s := range steps {
		if s > after {
			left = append(left, s)
		}
	}
	return left
}

// newCodes makes recovery codes.
func newCodes() []string {
	codes := make([]string, codeCount)
	for i := range codes {
		codes[i] = secret.RecoveryCode()
	}
	return codes
}

// Grouped writes a key or code in groups of four, as people copy it.
func Grouped(text string) string {
	var b strings.Builder
	for i, r := range text {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}
