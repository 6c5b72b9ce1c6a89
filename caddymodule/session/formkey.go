package session

import "github.com/cliendo/gateway/caddymodule/secret"

// FormKey returns the key that forms parked by the browser with this cookie are
// sealed with. It follows from the secret of the session, of which the store has a
// digest only; so a store alone opens no form. A cookie that we did not sign has
// none.
func (m *Manager) FormKey(value string) (key string, ok bool) {
	p, ok := m.open(value)
	if !ok {
		return "", false
	}
	return secret.TokenOf(p.secret, "parked forms"), true
}
