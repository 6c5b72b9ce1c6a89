package signin

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/secret"
)

// maxOwners is how many users one browser is remembered for: a shared computer at
// a reception desk has a few.
const maxOwners = 8

const deviceAge = 400 * 24 * time.Hour // the longest that browsers keep a cookie

// device is the known device behind a cookie: its id and the users it belongs to,
// the latest first. It is signed, so that only a login of ours makes one; a
// device of somebody else's says nothing about this user.
type device struct {
	id     string
	owners []string
}

func (d *Dispatcher) device(r *http.Request) (dev device) {
	value, _ := cookie.Find(r.Header, cookie.Name(cookie.Device, cookie.Secure(r, d.HTTPS)), 0)
	raw, ok := d.Device.Decode(value)
	if !ok {
		return device{}
	}
	parts := strings.Split(string(raw), ".")
	if len(parts) < 2 || parts[0] == "" {
		return device{}
	}
	return device{id: parts[0], owners: parts[1:]}
}

// KnownDevice returns the digest of the device this request comes from when it is
// a known one of that user, else the empty string.
func (d *Dispatcher) KnownDevice(r *http.Request, user string) string {
	dev := d.device(r)
	if user == "" || !slices.Contains(dev.owners, user) {
		return ""
	}
	return secret.Digest(dev.id)
}

// DeviceUsers returns the users that the browser of a request is remembered for:
// what support needs to see whose colleague typed an address that nobody has.
func (d *Dispatcher) DeviceUsers(r *http.Request) []string { return d.device(r).owners }

// remember makes this browser a known device of the user, and returns its digest.
func (d *Dispatcher) remember(w http.ResponseWriter, r *http.Request, user string) (digest string) {
	dev := d.device(r)
	if dev.id == "" {
		dev.id = secret.ID() + secret.ID()
	}
	owners := append([]string{user}, slices.DeleteFunc(slices.Clone(dev.owners), func(o string) bool { return o == user })...)
	owners = owners[:min(len(owners), maxOwners)]
	value, err := d.Device.Encode([]byte(dev.id + "." + strings.Join(owners, ".")))
	if err != nil {
		d.Log.Error("signing the device cookie failed", "error", err)
		return ""
	}
	http.SetCookie(w, cookie.New(cookie.Device, value, cookie.Secure(r, d.HTTPS), deviceAge))
	return secret.Digest(dev.id)
}
