package redisstore

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cliendo/gateway/caddymodule/store"
)

// Ping implements store.Maintainer. It writes: a Redis that is full, or a replica
// without a master, still answers to PING.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	return s.read(ctx, "checking redis", func() error {
		return s.client.Set(ctx, s.keys.ping(), "1", time.Minute).Err()
	})
}

// Inspect implements store.Maintainer. On a Cluster it looks at every master.
func (s *Store) Inspect(ctx context.Context) ([]store.Finding, error) {
	if err := s.Ping(ctx); err != nil {
		return nil, err
	}
	c, ok := s.client.(*redis.ClusterClient)
	if !ok {
		return s.inspectServer(ctx, s.client, "")
	}
	found := make(chan []store.Finding, 1)
	found <- nil
	err := c.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		part, err := s.inspectServer(ctx, node, node.Options().Addr+": ")
		found <- append(<-found, part...)
		return err
	})
	if err != nil {
		return nil, unavailable("inspecting redis", err)
	}
	return <-found, nil
}

func (s *Store) inspectServer(ctx context.Context, node redis.Cmdable, at string) ([]store.Finding, error) {
	info := server{}
	err := s.read(ctx, "inspecting redis", func() error {
		text, err := node.Info(ctx).Result()
		info.read(text)
		return err
	})
	if err != nil {
		return nil, err
	}
	// Many hosted servers forbid CONFIG; INFO says nearly as much.
	fsync, err := node.ConfigGet(ctx, "appendfsync").Result()
	info.noConfig = err != nil
	info.fsync = fsync["appendfsync"]
	save, _ := node.ConfigGet(ctx, "save").Result()
	info.snapshots = save["save"] != ""
	findings := []store.Finding{info.version(), info.durability(), info.eviction(), info.memory(), info.replicas()}
	for i := range findings {
		findings[i].Message = at + findings[i].Message
	}
	return findings, nil
}

// server is what INFO and CONFIG say.
type server struct {
	info      map[string]string
	fsync     string
	snapshots bool
	noConfig  bool
}

func (i *server) read(text string) {
	i.info = map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			i.info[name] = value
		}
	}
}

func (i *server) version() store.Finding {
	v := i.info["redis_version"]
	f := store.Finding{Part: "version", Level: "ok", Message: "redis " + v}
	major, rest, _ := strings.Cut(v, ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, err1 := strconv.Atoi(major)
	b, err2 := strconv.Atoi(minor)
	switch {
	case err1 != nil || err2 != nil:
		f.Level, f.Message = "warning", "the server does not say its version"
		f.Fix = "make sure that it speaks Redis 6.2 or later"
	case a < 6 || a == 6 && b < 2:
		f.Level, f.Fix = "error", "upgrade to Redis 6.2 or later"
	}
	return f
}

func (i *server) durability() store.Finding {
	f := store.Finding{Part: "durability", Level: "warning"}
	aof := i.info["aof_enabled"] == "1"
	switch {
	case aof && i.fsync == "always":
		f.Level, f.Message = "ok", "every acknowledged change is on the disk (appendonly yes, appendfsync always)"
	case aof && i.fsync == "everysec":
		f.Message = "a crash of the machine can undo the last second (appendfsync everysec)"
		f.Fix = "set appendfsync always, if no login may be undone"
	case aof && i.noConfig:
		f.Level = "ok"
		f.Message = "append-only file is on; CONFIG is forbidden, so whether each change is synced is not known"
	case aof:
		f.Message = "when changes reach the disk is left to the system (appendfsync " + i.fsync + ")"
		f.Fix = "set appendfsync always, or at least everysec"
	case i.snapshots, i.noConfig:
		f.Message = "changes since the last snapshot are lost in a crash (appendonly no)"
		f.Fix = "set appendonly yes and appendfsync always"
	default:
		f.Message = "nothing is kept when redis stops: all users and accounts would be gone (no persistence)"
		f.Fix = "set appendonly yes and appendfsync always"
	}
	if i.info["aof_last_write_status"] == "err" {
		f.Level, f.Message, f.Fix = "error", "redis cannot write its append-only file", "see its log; make room on its disk"
	}
	return f
}

func (i *server) eviction() store.Finding {
	policy := i.info["maxmemory_policy"]
	f := store.Finding{Part: "eviction", Level: "ok", Message: "records are never evicted (" + policy + ")"}
	switch policy {
	case "noeviction":
	case "":
		f.Level, f.Message = "warning", "the server does not say its maxmemory-policy"
		f.Fix = "make sure that it is noeviction"
	default:
		f.Level = "warning"
		f.Message = fmt.Sprintf("when memory is full redis throws records away (maxmemory-policy %s): people are logged out or users vanish", policy)
		f.Fix = "set maxmemory-policy noeviction, and give the gateway a redis of its own"
	}
	return f
}

func (i *server) memory() store.Finding {
	used, _ := strconv.ParseFloat(i.info["used_memory"], 64)
	limit, _ := strconv.ParseFloat(i.info["maxmemory"], 64)
	f := store.Finding{Part: "memory", Level: "ok"}
	if limit == 0 {
		f.Message = fmt.Sprintf("%.1f MB used, no limit set", used/(1<<20))
		return f
	}
	f.Message = fmt.Sprintf("%.1f MB used of %.1f MB", used/(1<<20), limit/(1<<20))
	if used > 0.9*limit {
		f.Level, f.Fix = "warning", "raise maxmemory: when it is reached nobody can log in"
	}
	return f
}

func (i *server) replicas() store.Finding {
	n := i.info["connected_slaves"]
	f := store.Finding{Part: "replicas", Level: "ok", Message: n + " connected"}
	if n != "0" && n != "" {
		f.Message += "; a failover can undo the last moments before it"
	}
	if i.info["role"] == "slave" {
		f.Level, f.Message, f.Fix = "error", "this is a replica, which takes no writes", "name the master, or use redis+sentinel://"
	}
	return f
}
