package signin

import (
	"net/http"
	"slices"
	"time"

	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/secret"
)

// maxDevice is how much a browser remembers, in bytes before it is sealed: how its
// last login went, and six users with ids of ours. A shared computer at a reception
// desk has a few.
const maxDevice = 99

const deviceAge = 400 * 24 * time.Hour // the longest that browsers keep a cookie

// device is the known device behind a cookie: its id, how somebody logged in there
// last, and the users it belongs to, the latest first. It is sealed, so that only a
// login of ours makes one; a device of somebody else's says nothing about this user.
type device struct {
	id     string
	way    string // one word, like "google"
	owners []string
}

func (d *Dispatcher) device(r *http.Request) device { return deviceOf(d.Device, r, d.HTTPS) }

func deviceOf(sealed *cookie.Sealed, r *http.Request, https bool) device {
	value, _ := cookie.Find(r.Header, cookie.Name(cookie.Device, cookie.Secure(r, https)), 0)
	parts, ok := sealed.Decode(value)
	if !ok || len(parts) < 3 || parts[0] == "" {
		return device{}
	}
	return device{id: parts[0], way: parts[1], owners: parts[2:]}
}

func (dev device) fields() []string { return append([]string{dev.id, dev.way}, dev.owners...) }

// LastWay is how a browser logged in last, empty where it does not say: it moves a
// badge, so that people find their button again. It outlives a log-out.
func LastWay(sealed *cookie.Sealed, r *http.Request, https bool) string {
	return deviceOf(sealed, r, https).way
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

// remember makes this browser a known device of the user, who came in by way, and
// returns its digest.
func (d *Dispatcher) remember(w http.ResponseWriter, r *http.Request, user, way string) (digest string) {
	dev := d.device(r)
	if dev.id == "" {
		dev.id = secret.ID() + secret.ID()
	}
	dev.way = way
	dev.owners = append([]string{user}, slices.DeleteFunc(dev.owners, func(o string) bool { return o == user })...)
	for len(dev.owners) > 1 && len(cookie.Pack(dev.fields()...)) > maxDevice {
		dev.owners = dev.owners[:len(dev.owners)-1]
	}
	http.SetCookie(w, cookie.New(cookie.Device, d.Device.Encode(dev.fields()...), cookie.Secure(r, d.HTTPS), deviceAge))
	return secret.Digest(dev.id)
}
