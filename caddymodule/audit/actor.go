package audit

import "context"

// The kinds of actors.
const (
	// ByUser: somebody for themselves, or the admin of a team.
	ByUser = "user"
	// BySupport: staff of the SaaS.
	BySupport = "support"
	// ByOperator: the command line.
	ByOperator = "operator"
	// ByKey: a program with an API key.
	ByKey = "key"
	// ByGateway: the gateway by itself.
	ByGateway = "gateway"
)

// Actor is who does something. Kind, ID and Account stay in the log; the rest is
// personal and can be erased.
type Actor struct {
	// Kind is one of the constants above; empty is the gateway.
	Kind string `json:"kind"`
	// ID of the user or key, and the account of it.
	ID      string `json:"id,omitempty"`
	Account string `json:"account,omitempty"`
	// Name as people know them, with the address where that is known.
	Name string `json:"name,omitempty"`
	// Network and Agent are where it was done from; Session is the public handle.
	Network string `json:"network,omitempty"`
	Agent   string `json:"agent,omitempty"`
	Session string `json:"session,omitempty"`
}

type actorKey struct{}

// As returns a context in which a does what is done. Whoever takes a request in
// calls it once, at the edge.
func As(ctx context.Context, a Actor) context.Context { return context.WithValue(ctx, actorKey{}, a) }

// Who returns the actor of ctx; where nobody said, it is the gateway itself.
func Who(ctx context.Context) Actor {
	a, _ := ctx.Value(actorKey{}).(Actor)
	if a.Kind == "" {
		a.Kind = ByGateway
	}
	return a
}
