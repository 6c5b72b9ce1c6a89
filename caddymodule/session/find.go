package session

import (
	"context"
	"errors"
	"slices"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/cookie"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// payload is what the cookie says, before it is signed.
type payload struct{ account, user, secret string }

func (p payload) encode() []byte { return cookie.Pack(p.account, p.user, p.secret) }

func decodePayload(b []byte) (p payload, ok bool) {
	parts, ok := cookie.Unpack(b)
	if !ok || len(parts) != 3 || slices.Contains(parts, "") {
		return payload{}, false
	}
	return payload{account: parts[0], user: parts[1], secret: parts[2]}, true
}

// id is the one of the session in the store.
func (p payload) id() string { return p.user + "." + secret.Digest(p.secret) }

// find brings the session of a cookie that is not in memory yet there. Without a
// session it returns no Live and the facts that say so.
func (m *Manager) find(ctx context.Context, value string) (*Live, *Facts, error) {
	p, ok := m.open(value)
	if !ok {
		return nil, Refused(cause.NotLoggedIn), nil
	}
	id := p.id()
	// A cookie we signed whose session is gone must not fill the cache.
	_, err := m.store.Get(ctx, store.Key{Tag: store.AccountTag(p.account), Kind: store.Sessions.Kind, ID: id})
	if errors.Is(err, store.ErrNotFound) {
		return nil, Refused(cause.SessionExpired), nil
	} else if err != nil {
		return nil, nil, err
	}
	return m.memory.adopt(keyOf(value), p.account, p.user, id), nil, nil
}

// open reads a cookie. Forged ones end here, without a look into the store.
func (m *Manager) open(value string) (payload, bool) {
	raw, ok := m.settings.Load().Codec.Decode(value)
	if !ok {
		return payload{}, false
	}
	return decodePayload(raw)
}
