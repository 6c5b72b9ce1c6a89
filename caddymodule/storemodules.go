package caddymodule

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/cliendo/gateway/caddymodule/store"
	"github.com/cliendo/gateway/caddymodule/store/boltstore"
	"github.com/cliendo/gateway/caddymodule/store/redisstore"
)

func init() {
	caddy.RegisterModule(BoltStore{})
	caddy.RegisterModule(RedisStore{})
}

// StoreModule is a guest module of the namespace login_gateway.stores. Its
// Provision reads and checks the configuration and takes nothing: Caddy
// provisions a config that it may never start.
type StoreModule interface {
	// Resource names what Open opens, and nothing else of the configuration: two
	// configs with one Resource share what is open, whatever their options.
	Resource() string
	// Open opens the store. Whoever opened it closes it.
	Open(o store.Options) (store.Engine, error)
}

// BoltStore keeps records in one file on this machine. One process at a time can
// hold it.
type BoltStore struct {
	// Path of the file; what is missing of its folder is made. Relative paths
	// start from the working directory. Accepts {env.*} and {file.*}. Default:
	// login_gateway/gateway.db in Caddy's data folder.
	Path string `json:"path,omitempty"`

	path string // absolute, cleaned
}

// CaddyModule returns the Caddy module information.
func (BoltStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: storeNamespace + ".bolt", New: func() caddy.Module { return new(BoltStore) }}
}

// UnmarshalCaddyfile reads what stands after `store`.
//
//	bolt <file>
func (b *BoltStore) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	_, err := textWord("<file>", &b.Path, nil).parse(d, "store bolt")
	return err
}

// Provision replaces placeholders.
func (b *BoltStore) Provision(caddy.Context) error {
	path, err := expand(caddy.NewReplacer(), "store bolt", orElse(b.Path, defaultBoltPath()))
	if err != nil {
		return err
	}
	if b.path, err = filepath.Abs(path); err != nil {
		return fmt.Errorf("store bolt %s: %w", path, err)
	}
	return nil
}

func defaultBoltPath() string {
	return filepath.Join(caddy.AppDataDir(), "login_gateway", "gateway.db")
}

func (b *BoltStore) exists() bool {
	_, err := os.Stat(b.path)
	return err == nil
}

// Resource is the cleaned absolute path.
func (b *BoltStore) Resource() string { return "bolt " + b.path }

// Open opens the file, and makes it and its folder where there is none.
func (b *BoltStore) Open(o store.Options) (store.Engine, error) {
	if err := os.MkdirAll(filepath.Dir(b.path), 0o700); err != nil {
		return nil, fmt.Errorf("store bolt %s: %w; name a file in a folder that the gateway may make and write to", b.path, err)
	}
	s, err := boltstore.Open(b.path, o)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// RedisStore keeps records on a Redis server, Sentinel or Cluster, which several
// nodes share.
type RedisStore struct {
	// URL of the server. Needed. Accepts {env.*} and {file.*}, as it may hold a
	// password.
	URL string `json:"url,omitempty"`
	// Prefix of all keys, so that two gateways can share a server.
	// Default: "cliendo:".
	Prefix string `json:"prefix,omitempty"`

	url, resource string
}

// CaddyModule returns the Caddy module information.
func (RedisStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: storeNamespace + ".redis", New: func() caddy.Module { return new(RedisStore) }}
}

// UnmarshalCaddyfile reads what stands after `store`.
//
//	redis <url> {
//		prefix <text>
//	}
func (r *RedisStore) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	w := textWord("<url>", &r.URL, nil)
	w.block = func([]string) words { return r.words() }
	_, err := w.parse(d, "store redis")
	return err
}

func (r *RedisStore) words() words {
	return words{"prefix": textWord("<text>", &r.Prefix, nil)}
}

// Provision replaces placeholders and checks the address. It does not connect.
func (r *RedisStore) Provision(caddy.Context) error {
	if r.URL == "" {
		return errors.New("store redis: no url; write `store redis redis://localhost:6379`")
	}
	repl := caddy.NewReplacer()
	address, err := expand(repl, "store redis", r.URL)
	if err != nil {
		return err
	}
	prefix, err := expand(repl, "store redis prefix", r.Prefix)
	if err != nil {
		return err
	}
	if r.url, err = withPrefix(address, prefix); err != nil {
		return err
	}
	r.resource, err = redisstore.Resource(r.url)
	if err != nil {
		return fmt.Errorf("store redis: %w", err)
	}
	return nil
}

// withPrefix gives the address the option that says the same.
func withPrefix(address, prefix string) (string, error) {
	if prefix == "" {
		return address, nil
	}
	_, query, hasQuery := strings.Cut(address, "?")
	if !hasQuery {
		return address + "?prefix=" + url.QueryEscape(prefix), nil
	}
	if values, err := url.ParseQuery(query); err == nil && values.Has("prefix") {
		return "", errors.New("store redis: the prefix stands in the url and in the block; keep one")
	}
	return address + "&prefix=" + url.QueryEscape(prefix), nil
}

// Resource is the address, database and prefix, without the password.
func (r *RedisStore) Resource() string { return "redis " + r.resource }

// Open connects. A server that does not answer yet is no error.
func (r *RedisStore) Open(o store.Options) (store.Engine, error) {
	s, err := redisstore.Open(r.url, o)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// loadStore loads the guest module of the configured store, or the default one.
func (a *App) loadStore(ctx caddy.Context) (StoreModule, error) {
	if len(a.StoreRaw) == 0 {
		b := new(BoltStore)
		return b, b.Provision(ctx)
	}
	module, err := ctx.LoadModule(a, "StoreRaw")
	if err != nil {
		return nil, fmt.Errorf("loading the store module: %w", err)
	}
	return module.(StoreModule), nil
}

// Interface guards.
var (
	_ StoreModule           = (*BoltStore)(nil)
	_ StoreModule           = (*RedisStore)(nil)
	_ caddy.Provisioner     = (*BoltStore)(nil)
	_ caddy.Provisioner     = (*RedisStore)(nil)
	_ caddyfile.Unmarshaler = (*BoltStore)(nil)
	_ caddyfile.Unmarshaler = (*RedisStore)(nil)
)
