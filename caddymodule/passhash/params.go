package passhash

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/go-crypt/crypt/algorithm/argon2"
)

// Params are the costs of Argon2id.
type Params struct {
	Memory  uint32 // KiB
	Time    uint32 // passes over the memory
	Threads uint8  // lanes of one hash
}

// DefaultParams are the smallest that are recommended for logins today: 19 MiB,
// two passes, one lane. One hash takes about 40 ms on a present core.
var DefaultParams = Params{Memory: 19 * 1024, Time: 2, Threads: 1}

// The bounds of costs that are accepted, in new hashes and in those brought
// along: one hash must not take the machine down, nor last minutes.
const (
	MinMemory  = 64
	MaxMemory  = 256 * 1024
	MaxTime    = 10
	MaxThreads = 8
)

// A salt or key shorter than this was not made by a sound program.
const (
	minSalt = 8
	minKey  = 16
)

func (p Params) withDefaults() Params {
	if p.Memory == 0 {
		p.Memory = DefaultParams.Memory
	}
	if p.Time == 0 {
		p.Time = DefaultParams.Time
	}
	if p.Threads == 0 {
		p.Threads = DefaultParams.Threads
	}
	return p
}

// Validate returns an error that names what is out of bounds. Zero fields stand
// for the defaults.
func (p Params) Validate() error {
	p = p.withDefaults()
	switch {
	case p.Memory < MinMemory, p.Memory > MaxMemory:
		return fmt.Errorf("memory of %d KiB: must be from %d to %d", p.Memory, MinMemory, MaxMemory)
	case p.Time > MaxTime:
		return fmt.Errorf("time of %d passes: must be from 1 to %d", p.Time, MaxTime)
	case p.Threads > MaxThreads:
		return fmt.Errorf("threads of %d: must be from 1 to %d", p.Threads, MaxThreads)
	}
	return nil
}

// String returns the costs as they are written in an encoded hash.
func (p Params) String() string {
	return fmt.Sprintf("m=%d,t=%d,p=%d", p.Memory, p.Time, p.Threads)
}

func (p Params) hash(password string) (string, error) {
	hasher, err := argon2.New(argon2.WithVariantID(), argon2.WithM(p.Memory),
		argon2.WithT(int(p.Time)), argon2.WithP(int(p.Threads)))
	if err != nil {
		return "", fmt.Errorf("hashing a password: %w", err)
	}
	digest, err := hasher.Hash(password)
	if err != nil {
		return "", fmt.Errorf("hashing a password: %w", err)
	}
	return digest.Encode(), nil
}

// dummy returns a hash with these costs that no password has. Nothing needs to
// be hashed to make it.
func dummy(p Params) string {
	random := make([]byte, 16+32)
	_, _ = rand.Read(random) // never fails
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=19$%s$%s$%s", p, b64.EncodeToString(random[:16]), b64.EncodeToString(random[16:]))
}

// work is about how long a hash with these costs takes: 40 ms for the usual ones.
func (p Params) work() time.Duration {
	return time.Duration(p.Memory) * time.Duration(p.Time) * time.Microsecond
}
