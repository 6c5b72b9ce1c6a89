package kit

import (
	"context"
	"fmt"
	"os"
	"strings"
)

// Raw returns everything that lies in the store as it lies there: the file of a
// bolt store, with pages that are free by now, or all keys and values of a Redis.
func (s *Store) Raw() string {
	s.t.Helper()
	if s.Redis == nil {
		raw, err := os.ReadFile(s.Path)
		must(s.t, err)
		return string(raw)
	}
	ctx, client := context.Background(), s.Redis.Client()
	var all strings.Builder
	for keys := client.Scan(ctx, 0, "*", 1000).Iterator(); keys.Next(ctx); {
		key := keys.Val()
		kind, err := client.Type(ctx, key).Result()
		must(s.t, err)
		var value any
		switch kind {
		case "string":
			value, err = client.Get(ctx, key).Result()
		case "zset":
			value, err = client.ZRange(ctx, key, 0, -1).Result()
		case "hash":
			value, err = client.HGetAll(ctx, key).Result()
		case "stream":
			value, err = client.XRange(ctx, key, "-", "+").Result()
		case "none": // it ended meanwhile
		default:
			s.t.Fatalf("%s is a %s, which this look at the store does not know", key, kind)
		}
		must(s.t, err)
		fmt.Fprintf(&all, "%s %s %v\n", kind, key, value)
	}
	return all.String()
}
