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
const maxOwners = 6

const deviceAge = 400 * 24 * time.Hour // the longest that browsers keep a cookie

// device is the known device behind a cookie: its id, who logged in there last and
// how, and who did before. It is sealed, so that only a login of ours makes one; a
// device of somebody else's says nothing about this user.
type device struct {
	id     string
	way    string // one word, like "google"
	latest string
	// others are the marks of those before, the latest first, one behind the other.
	// Ids may be long, and cookies are to be short.
	others string
}

// markLength is that of a mark. Nobody chooses it, so none is found by trying.
const markLength = 8

// mark stands for a user on this device.
func (dev device) mark(user string) string { return secret.Digest(dev.id + " " + user)[:markLength] }

func (dev device) belongsTo(user string) bool {
	return user != "" && (user == dev.latest || slices.Contains(dev.marks(), dev.mark(user)))
}

func (dev device) marks() (marks []string) {
	for mark := range slices.Chunk([]byte(dev.others), markLength) {
		marks = append(marks, string(mark))
	}
	return marks
}

func (d *Dispatcher) device(r *http.Request) device { return deviceOf(d.Device, r, d.HTTPS) }

func deviceOf(sealed *cookie.Sealed, r *http.Request, https bool) device {
	value, _ := cookie.Find(r.Header, cookie.Name(cookie.Device, cookie.Secure(r, https)), 0)
	parts, ok := sealed.Decode(value)
	if !ok || len(parts) != 4 || parts[0] == "" {
		return device{}
	}
	return device{id: parts[0], way: parts[1], latest: parts[2], others: parts[3]}
}

// LastWay is how a browser logged in last, empty where it does not say: it moves a
// badge, so that people find their button again. It outlives a log-out.
func LastWay(sealed *cookie.Sealed, r *http.Request, https bool) string {
	return deviceOf(sealed, r, https).way
}

// KnownDevice returns the digest of the device this request comes from when it is
// a known one of that user, else the empty string.
func (d *Dispatcher) KnownDevice(r *http.Request, user string) string {
	dev := d.device(r)
	if !dev.belongsTo(user) {
		return ""
	}
	return secret.Digest(dev.id)
}

// DeviceUsers returns who logged in last with the browser of a request, if anybody:
// what support needs to see whose colleague typed an address that nobody has.
func (d *Dispatcher) DeviceUsers(r *http.Request) []string {
	if latest := d.device(r).latest; latest != "" {
		return []string{latest}
	}
	return nil
}

// remember makes this browser a known device of the user, who came in by way, and
// returns its digest.
func (d *Dispatcher) remember(w http.ResponseWriter, r *http.Request, user, way string) (digest string) {
	dev := d.device(r)
	if dev.id == "" {
		dev.id = secret.ID() + secret.ID()
	}
	before := dev.marks()
	if dev.latest != "" {
		before = append([]string{dev.mark(dev.latest)}, before...)
	}
	before = slices.DeleteFunc(before, func(mark string) bool { return mark == dev.mark(user) })
	dev.way, dev.latest, dev.others = way, user, strings.Join(before[:min(len(before), maxOwners-1)], "")
	value := d.Device.Encode(dev.id, dev.way, dev.latest, dev.others)
	http.SetCookie(w, cookie.New(cookie.Device, value, cookie.Secure(r, d.HTTPS), deviceAge))
	return secret.Digest(dev.id)
}
