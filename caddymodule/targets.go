package caddymodule

import (
	"context"
	"slices"
	"sync"

	"github.com/cliendo/gateway/caddymodule/operate"
)

// adminTarget is a running gateway that commands can be sent to.
type adminTarget interface {
	Resource() string
	AdminKey() string
	Run(ctx context.Context, q operate.Request) (operate.Result, error)
	RunStream(ctx context.Context, q operate.Request, s operate.Stream) (operate.Result, error)
}

// targets are the gateways that run in this process.
type targets struct {
	mu  sync.Mutex
	all []adminTarget
}

var adminTargets targets

func (t *targets) add(a adminTarget) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, a)
}

func (t *targets) remove(a adminTarget) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = slices.DeleteFunc(t.all, func(x adminTarget) bool { return x == a })
}

// list returns them, the newest first: during a reload there are two for one store.
func (t *targets) list() []adminTarget {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := slices.Clone(t.all)
	slices.Reverse(all)
	return all
}
