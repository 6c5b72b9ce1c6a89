package engine

import (
	"encoding/binary"
	"errors"
	"time"
)

// header is the length of the expiry in front of every value: milliseconds
// since 1970, big endian, 0 for never.
const header = 8

// farthest is the latest expiry that is kept apart from never: the year 9999.
const farthest = 253402300799000

// ErrDamaged is the error for a stored value too short to be one.
var ErrDamaged = errors.New("damaged record")

// Millis is the moment a record with this expiry is gone, as it is stored. What
// expired before 1970 and what expires after 9999 is moved to those ends.
func Millis(expires time.Time) int64 {
	if expires.IsZero() {
		return 0
	}
	return min(max(expires.UnixMilli(), 1), farthest)
}

// Seal returns value as it lies in the store. It copies value.
func Seal(value []byte, expires time.Time) []byte {
	raw := make([]byte, header+len(value))
	binary.BigEndian.PutUint64(raw, uint64(Millis(expires))) //nolint:gosec // Millis is never negative
	copy(raw[header:], value)
	return raw
}

// ExpiresMillis returns the expiry in a sealed value, 0 for never.
func ExpiresMillis(raw []byte) (int64, error) {
	if len(raw) < header {
		return 0, ErrDamaged
	}
	return int64(binary.BigEndian.Uint64(raw)), nil //nolint:gosec // written by Seal
}

// Unseal returns the value inside raw, without copying it, and its expiry. live
// is false when it expired by now.
func Unseal(raw []byte, now time.Time) (value []byte, expires time.Time, live bool, err error) {
	at, err := ExpiresMillis(raw)
	if err != nil {
		return nil, time.Time{}, false, err
	}
	if at == 0 {
		return raw[header:], time.Time{}, true, nil
	}
	return raw[header:], time.UnixMilli(at).UTC(), now.UnixMilli() < at, nil
}
