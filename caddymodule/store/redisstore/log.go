package redisstore

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/redis/go-redis/v9"
)

// The client library prints a line for every connection that fails, thousands a
// minute while Redis is away. What matters of it is in the errors of the store;
// the lines go to the debug level. The library knows one logger per process only,
// and it must be set before its first client runs.
func init() { redis.SetLogger(debugLog{}) }

type debugLog struct{}

// Printf implements the library's logger.
func (debugLog) Printf(ctx context.Context, format string, v ...any) {
	if slog.Default().Enabled(ctx, slog.LevelDebug) {
		slog.DebugContext(ctx, "redis client", "message", fmt.Sprintf(format, v...))
	}
}
