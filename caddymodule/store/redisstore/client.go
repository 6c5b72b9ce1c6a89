package redisstore

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// netTimeout bounds connecting, one write and one read: a person waits for it.
const netTimeout = 2 * time.Second

// connect returns a client. It does not touch the network yet. poolSize 0 is the
// library's default, ten per core.
func connect(s settings, poolSize int) redis.UniversalClient {
	o := &redis.UniversalOptions{
		Addrs: s.addrs, ClientName: "cliendo-gateway", DB: s.db, MasterName: s.master,
		Username: s.username, Password: s.password,
		SentinelUsername: s.sentinelUsername, SentinelPassword: s.sentinelPassword,
		DialTimeout: netTimeout, ReadTimeout: netTimeout, WriteTimeout: netTimeout,
		PoolTimeout: netTimeout, PoolSize: poolSize, PipelinePoolSize: -1,
		ContextTimeoutEnabled: true,
		// Only this package knows what may be sent twice.
		MaxRetries: -1, DialerRetries: 1,
		Protocol: 2, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if s.tls {
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if s.network == "unix" {
		o.Dialer = func(ctx context.Context, _, addr string) (net.Conn, error) {
			d := net.Dialer{Timeout: netTimeout}
			return d.DialContext(ctx, "unix", addr)
		}
	}
	switch s.topology {
	case sentinel:
		return redis.NewFailoverClient(o.Failover())
	case cluster:
		c := o.Cluster()
		// Every command here has keys of one slot.
		c.DisableRoutingPolicies = true
		return redis.NewClusterClient(c)
	default:
		return redis.NewClient(o.Simple())
	}
}
