package redisstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cliendo/gateway/caddymodule/store"
)

// patience is how long a passing state of the server, such as a failover, is
// waited for.
const patience = time.Second

// passing are replies that mean "not now": nothing was executed.
var passing = []string{
	"READONLY", "LOADING", "CLUSTERDOWN", "TRYAGAIN", "MASTERDOWN", "MOVED", "ASK",
	"NOREPLICAS", "BUSY", "max number of clients",
}

// isPassing reports whether the server refused a command it will take later.
func isPassing(err error) bool {
	for _, prefix := range passing {
		if redis.HasErrorPrefix(err, prefix) {
			return true
		}
	}
	return false
}

// isBroken reports whether the connection was lost, most likely because the
// server restarted since it was last used.
func isBroken(err error) bool {
	var op *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.As(err, &op) && op.Op == "write"
}

// isRefused reports whether the server answered, with an error.
func isRefused(err error) bool {
	var reply redis.Error
	return errors.As(err, &reply)
}

// read runs a command that may safely run twice.
func (s *Store) read(ctx context.Context, doing string, command func() error) error {
	broken := 0
	return s.try(ctx, doing, func() error {
		err := command()
		for ; isBroken(err) && broken < 2; broken++ {
			err = command()
		}
		return err
	})
}

// try runs a command, again while the server says "not now", and wraps what is
// not an answer with store.ErrUnavailable.
func (s *Store) try(ctx context.Context, doing string, command func() error) error {
	deadline := time.Now().Add(patience)
	for {
		err := command()
		if err == nil || errors.Is(err, redis.Nil) {
			return err
		}
		if !isPassing(err) || time.Now().After(deadline) || !pause(ctx, 50*time.Millisecond) {
			return unavailable(doing, err)
		}
	}
}

func unavailable(doing string, err error) error {
	return fmt.Errorf("%s: %w: %w", doing, store.ErrUnavailable, err)
}

// pause waits for about d and reports whether ctx is still wanted.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d/2 + rand.N(d)) //nolint:gosec // no secret
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
