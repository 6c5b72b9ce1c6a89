package session

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"unique"

	"github.com/cliendo/gateway/caddymodule/cause"
	"github.com/cliendo/gateway/caddymodule/secret"
	"github.com/cliendo/gateway/caddymodule/store"
)

// payload is what the cookie says, before it is signed.
type payload struct{ account, user, secret string }

const payloadVersion = "1"

func (p payload) encode() []byte {
	return []byte(payloadVersion + "." + base64.RawURLEncoding.EncodeToString([]byte(p.account)) + "." + p.user + "." + p.secret)
}

func decodePayload(b []byte) (p payload, ok bool) {
	parts := strings.Split(string(b), ".")
	if len(parts) != 4 || parts[0] != payloadVersion || parts[2] == "" || parts[3] == "" {
		return payload{}, false
	}
	account, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || len(account) == 0 {
		return payload{}, false
	}
	return payload{account: string(account), user: parts[2], secret: parts[3]}, true
}

func (p payload) id() string { return sessionID(p.user, secret.Digest(p.secret)) }

func sessionID(user, digest string) string { return user + "." + digest }

// find brings the session of a cookie that is not in memory yet there. Without a
// session it returns no Live and the facts that say so.
func (m *Manager) find(ctx context.Context, value string) (*Live, *Facts, error) {
	p, ok := m.open(value)
	if !ok {
		return nil, &Facts{Cause: cause.NotLoggedIn}, nil
	}
	id := p.id()
	// A cookie we signed whose session is gone must not fill the cache.
	_, err := m.store.Get(ctx, store.Key{Tag: store.AccountTag(p.account), Kind: store.Sessions.Kind, ID: id})
	if errors.Is(err, store.ErrNotFound) {
		return nil, &Facts{Cause: cause.SessionExpired}, nil
	} else if err != nil {
		return nil, nil, err
	}
	return m.adopt(value, p.account, p.user, id), nil, nil
}

// open reads a cookie. Forged ones end here, without a look into the store.
func (m *Manager) open(value string) (payload, bool) {
	raw, ok := m.settings.Load().Codec.Decode(value)
	if !ok {
		return payload{}, false
	}
	return decodePayload(raw)
}

// adopt brings a session into memory, or returns the one that is already there.
func (m *Manager) adopt(value, account, user, id string) *Live {
	k := within(account, id)
	var l *Live
	m.byID.with(k, func(all map[key]*Live) {
		if l = all[k]; l != nil && !l.marks.has(dropped) {
			return
		}
		l = &Live{
			cookie: keyOf(value), id: id, account: unique.Make(account),
			person: m.users.take(within(account, user)), customer: m.accounts.take(keyOf(account)),
		}
		all[k] = l
	})
	m.byCookie.Set(keyOf(value), l)
	return l
}

// drop takes a session out of memory.
func (m *Manager) drop(l *Live) {
	m.byCookie.Invalidate(l.cookie)
	m.forget(l)
}

// forget releases what a session held; the cache calls it for those it evicts.
func (m *Manager) forget(l *Live) {
	account := l.account.Value()
	k := within(account, l.id)
	m.byID.with(k, func(all map[key]*Live) {
		if all[k] == l {
			delete(all, k)
		}
	})
	if !l.marks.set(dropped) {
		m.users.release(within(account, l.user()))
		m.accounts.release(keyOf(account))
	}
}
