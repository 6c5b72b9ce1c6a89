package cookie

import "github.com/cliendo/gateway/caddymodule/secret"

// Sealed encrypts what is in a cookie, so that only we can make or read one. It is
// for those that carry a list: signed ones hold it in base64 twice, which is 78 %
// more, and all of ours together are to have 600 bytes at most (P28).
type Sealed struct {
	base string
	box  *secret.Box
}

// NewSealed returns the Sealed of the cookie with that base name; box is for that
// purpose only.
func NewSealed(base string, box *secret.Box) *Sealed { return &Sealed{base, box} }

// Encode returns the value of a cookie that holds fields.
func (s *Sealed) Encode(fields ...string) string { return s.box.Seal(Pack(fields...), s.base) }

// Decode returns the fields of a value that Encode made for this cookie.
func (s *Sealed) Decode(value string) (fields []string, ok bool) {
	if value == "" || len(value) > maxValue {
		return nil, false
	}
	raw, err := s.box.Open(value, s.base)
	if err != nil {
		return nil, false
	}
	return Unpack(raw)
}
