package manage

import (
	"context"

	"github.com/cliendo/gateway/caddymodule/store"
)

type providedKey[T any] struct{}

// ProvidedUser has the next change of a user made only if fn, run in the same
// step on the user as they are, returns nil; its error is returned otherwise.
func ProvidedUser(ctx context.Context, fn func(*store.User) error) context.Context {
	return context.WithValue(ctx, providedKey[store.User]{}, fn)
}

// ProvidedAccount does the same for the change of an account.
func ProvidedAccount(ctx context.Context, fn func(*store.Account) error) context.Context {
	return context.WithValue(ctx, providedKey[store.Account]{}, fn)
}

// provided runs what was asked for, if anything.
func provided[T any](ctx context.Context, v *T) error {
	if fn, ok := ctx.Value(providedKey[T]{}).(func(*T) error); ok {
		return fn(v)
	}
	return nil
}
