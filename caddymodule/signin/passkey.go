package signin

import (
	"net/http"

	"github.com/cliendo/gateway/caddymodule/factor"
)

// MethodPasskey is how attempts and metrics call a login with a passkey.
const MethodPasskey = "passkey"

// ProvenByPasskey takes somebody whose passkey was verified, with the check of their
// device: both factors at once, so no second step follows. All other questions are
// asked as for every way in. Only package factor makes a Verified that has a user.
func (d *Dispatcher) ProvenByPasskey(w http.ResponseWriter, r *http.Request, v *factor.Verified, remember bool) {
	u := v.User()
	d.Proven(w, r, Proof{
		User: u, Method: MethodPasskey, Amr: factor.Amr(), Remember: remember, Known: d.KnownDevice(r, u.ID) != "", second: true,
	})
}
