package factor

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// ChallengeLife is how long a challenge can be answered.
const ChallengeLife = 5 * time.Minute

// skew is how far the clocks of nodes may be apart.
const skew = time.Minute

const (
	nonceSize     = 16
	stampSize     = 8
	challengeSize = nonceSize + stampSize + sha256.Size
)

// What a challenge is for. One is of no use for anything else.
const (
	forLogin  = "login"
	forStep   = "second step"
	forNew    = "new passkey"
	forAction = "action"
)

// challenge makes one for a purpose, bound to what the asker brings along: a
// browser, half a login, a session. It carries its own proof that it is ours, so
// an anonymous visitor costs no record; that it is good once is remembered with
// the user whose key answers it.
func (f *Factors) challenge(purpose string, bound ...string) []byte {
	c := make([]byte, nonceSize+stampSize, challengeSize)
	_, _ = rand.Read(c[:nonceSize]) // never fails
	binary.BigEndian.PutUint64(c[nonceSize:], uint64(f.Now().UnixMilli()))
	return append(c, seal(f.Challenges[0], c, purpose, bound)...)
}

// seal is the proof over all that a challenge is bound to.
func seal(key, head []byte, purpose string, bound []string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(head)
	// No part has a NUL, so no two lists read the same.
	mac.Write([]byte(purpose + "\x00" + strings.Join(bound, "\x00")))
	return mac.Sum(nil)
}

// ours checks a challenge that came back, and says until when it is good.
func (f *Factors) ours(text, purpose string, bound ...string) (until time.Time, refused *Denied) {
	c, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(c) != challengeSize {
		return time.Time{}, &Denied{Reason: Foreign}
	}
	head, proof := c[:nonceSize+stampSize], c[nonceSize+stampSize:]
	if !slices.ContainsFunc(f.Challenges, func(key []byte) bool { return hmac.Equal(proof, seal(key, head, purpose, bound)) }) {
		return time.Time{}, &Denied{Reason: Foreign}
	}
	made := time.UnixMilli(int64(binary.BigEndian.Uint64(head[nonceSize:]))) //nolint:gosec // ours: it is a time
	until = made.Add(ChallengeLife)
	if now := f.Now(); !now.Before(until) || made.After(now.Add(skew)) {
		return time.Time{}, &Denied{Reason: Late}
	}
	return until, nil
}

// mostAnswered bounds what is remembered of one user: nobody logs in more often
// than that in a few minutes.
const mostAnswered = 256

// answer takes a challenge out of use. It is false for one that was answered, and
// for one too many.
func answer(list *store.PasskeyList, challenge string, until, now time.Time) bool {
	list.Answered = slices.DeleteFunc(list.Answered, func(a store.AnsweredChallenge) bool { return !now.Before(a.Until) })
	digest := secret.Digest(challenge)
	known := slices.ContainsFunc(list.Answered, func(a store.AnsweredChallenge) bool { return a.Digest == digest })
	if known || len(list.Answered) >= mostAnswered {
		return false
	}
	// Until a node whose clock is behind does not take it any more either.
	list.Answered = append(list.Answered, store.AnsweredChallenge{Digest: digest, Until: until.Add(2 * skew)})
	return true
}
