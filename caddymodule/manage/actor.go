package manage

import (
	"context"

	"github.com/cliendo/gateway/caddymodule/apikey"
	"github.com/cliendo/gateway/caddymodule/audit"
	"github.com/cliendo/gateway/caddymodule/directory"
	"github.com/cliendo/gateway/caddymodule/session"
	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/visitor"
)

// Actor is who asks for something to be done.
type Actor struct {
	audit.Actor
	// Type is that of a user; Administers, that it may manage its own account.
	Type        string
	Administers bool
	// Key is the API key it comes with, if any. One with an account sees nothing else.
	Key *store.APIKey
	// Force lets an operator do what would leave an account without a superadmin.
	Force bool
}

// OfUser is somebody of a team or of support.
func OfUser(u *store.User, rules directory.Rules) Actor {
	t, ok := rules.TypeOf(u)
	a := Actor{
		Actor: audit.Actor{Kind: audit.ByUser, ID: u.ID, Name: u.Name, Account: u.Account},
		Type:  u.Type, Administers: ok && t.Administer,
	}
	if a.Administers && u.Account == directory.StaffAccount {
		a.Kind = audit.BySupport
	}
	return a
}

// OfSession is who is logged in, at the other end of a request.
func OfSession(f *session.Facts, rules directory.Rules, v visitor.Visitor) Actor {
	a := OfUser(&store.User{ID: f.User.ID(), Name: f.User.Name(), Account: f.User.Account(), Type: f.User.Type()}, rules)
	a.Network, a.Agent, a.Session = v.Network, v.Agent, f.Session.Handle()
	return a
}

// OfKey is a program that came with an API key.
func OfKey(k *store.APIKey, v visitor.Visitor) Actor {
	return Actor{
		Actor: audit.Actor{Kind: audit.ByKey, ID: k.ID, Name: k.Name, Account: k.Account, Network: v.Network, Agent: v.Agent},
		Key:   k,
	}
}

// Operator is somebody at the command line.
func Operator(name string) Actor {
	return Actor{Actor: audit.Actor{Kind: audit.ByOperator, Name: name}}
}

// Support tells whether a is somebody of the staff.
func (a Actor) Support() bool { return a.Kind == audit.BySupport }

// Wide tells whether a sees every account.
func (a Actor) Wide() bool {
	return a.Kind == audit.BySupport || a.Kind == audit.ByOperator || a.Kind == audit.ByKey && a.Account == ""
}

// has tells whether the key has a scope.
func (a Actor) has(scope string) bool {
	return scope != "" && a.Key != nil && apikey.Allows(a.Key, scope)
}

// sees tells whether an account is there for a. The staff is not there for keys.
func (a Actor) sees(account string) bool {
	switch a.Kind {
	case audit.BySupport, audit.ByOperator:
		return true
	case audit.ByKey:
		return account != directory.StaffAccount && (a.Account == "" || a.Account == account)
	case audit.ByUser:
		return a.Account != "" && a.Account == account
	}
	return false
}

// himself: it is about whoever asks.
func (a Actor) himself(u *store.User) bool {
	return (a.Kind == audit.ByUser || a.Kind == audit.BySupport) && u != nil && a.ID == u.ID && a.Account == u.Account
}

// with has the audit log know who did it.
func (a Actor) with(ctx context.Context) context.Context { return audit.As(ctx, a.Actor) }
