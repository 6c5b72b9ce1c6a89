// Package cookie owns the cookies of the gateway: their names, their
// attributes, and the signature or seal without which they count as absent. What the
// session cookie opens is the business of session; here it is only text.
package cookie

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/securecookie"
)

// Base names. On the wire they carry the prefix __Host-, or __Secure- where they
// are shared over subdomains, or none over plain HTTP on a loopback host.
const (
	Session = "gateway_session"
	Device  = "gateway_device"
	Flow    = "gateway_flow"
)

const (
	hostPrefix   = "__Host-"
	securePrefix = "__Secure-"
)

// maxValue bounds what is looked at at all. Ours are far smaller.
const maxValue = 1024

// IsOurs tells whether a cookie name belongs to the gateway in any of its forms.
func IsOurs(name string) bool {
	name = strings.TrimPrefix(strings.TrimPrefix(name, hostPrefix), securePrefix)
	return name == Session || name == Device || name == Flow
}

// Codec signs and checks the values of one cookie. Old keys are accepted, so that
// a secret can be rotated without logging anybody out.
type Codec struct {
	base   string
	keys   [][]byte
	codecs []securecookie.Codec
}

// NewCodec returns the codec of the cookie with that base name. keys are for that
// purpose only, current first.
func NewCodec(base string, keys [][]byte) *Codec {
	c := &Codec{base: base, keys: keys}
	for _, k := range keys {
		// MaxAge(0): expiry is in the records, where it can be changed and ended.
		c.codecs = append(c.codecs, securecookie.New(k, nil).
			MaxAge(0).MaxLength(maxValue).SetSerializer(securecookie.NopEncoder{}))
	}
	return c
}

// Same tells whether two codecs read the same values.
func (c *Codec) Same(other *Codec) bool {
	return c.base == other.base && slices.EqualFunc(c.keys, other.keys, bytes.Equal)
}

// Encode signs payload.
func (c *Codec) Encode(payload []byte) (string, error) {
	return securecookie.EncodeMulti(c.base, payload, c.codecs...)
}

// Decode returns the payload of a value that Encode made, with one of the keys.
func (c *Codec) Decode(value string) (payload []byte, ok bool) {
	if value == "" || len(value) > maxValue {
		return nil, false
	}
	if err := securecookie.DecodeMulti(c.base, value, &payload, c.codecs...); err != nil {
		return nil, false
	}
	return payload, true
}

// Name returns the name of a cookie on the wire. It allocates nothing for the
// cookies of this package.
func Name(base string, f Form) string {
	switch {
	case !f.Secure:
		return base
	case f.Domain != "":
		// __Host- would forbid the Domain.
		switch base {
		case Session:
			return securePrefix + Session
		case Device:
			return securePrefix + Device
		}
		return securePrefix + base
	case base == Session:
		return hostPrefix + Session
	case base == Device:
		return hostPrefix + Device
	}
	return hostPrefix + base
}

// New returns a cookie ready to be set. maxAge zero makes it end with the
// browser session; a negative one deletes it.
func New(base, value string, f Form, maxAge time.Duration) *http.Cookie {
	c := &http.Cookie{ //nolint:gosec // Secure is off over plain HTTP on a loopback host only
		Name: Name(base, f), Value: value, Path: "/", Domain: f.Domain,
		Secure: f.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	switch {
	case maxAge < 0:
		c.MaxAge = -1
	case maxAge > 0:
		c.MaxAge = int(maxAge / time.Second)
	}
	return c
}
