package redisstore

import (
	"strings"

	"github.com/cliendo/gateway/caddymodule/store"
)

var (
	escaper   = strings.NewReplacer("%", "%25", "{", "%7B", "}", "%7D")
	unescaper = strings.NewReplacer("%25", "%", "%7B", "{", "%7D", "}")
)

// keys makes the names of keys behind one prefix.
type keys struct{ prefix string }

func (k keys) record(tag, kind, id string) string {
	return k.prefix + "{" + escaper.Replace(tag) + "}:" + kind + ":" + id
}

func (k keys) index(tag, kind string) string {
	return k.prefix + "{" + escaper.Replace(tag) + "}/" + kind
}

func (k keys) changes() string   { return k.prefix + "changes" }
func (k keys) schema() string    { return k.prefix + "schema" }
func (k keys) migration() string { return k.prefix + "migration" }
func (k keys) ping() string      { return k.prefix + "ping" }
func (k keys) snapshot() string  { return k.prefix + "snapshot" }

// parse returns the key of a record, and false for any other key.
func (k keys) parse(name string) (store.Key, bool) {
	rest, ok := strings.CutPrefix(name, k.prefix+"{")
	if !ok {
		return store.Key{}, false
	}
	tag, rest, ok1 := strings.Cut(rest, "}:")
	kind, id, ok2 := strings.Cut(rest, ":")
	// An index is "{tag}/kind", which holds no "}:" unless the kind did.
	if !ok1 || !ok2 || strings.Contains(tag, "}") {
		return store.Key{}, false
	}
	return store.Key{Tag: unescaper.Replace(tag), Kind: store.Kind{Name: kind}, ID: id}, true
}

// pattern matches all records and indexes, for SCAN.
func (k keys) pattern() string {
	return globber.Replace(k.prefix) + "{*"
}

var globber = strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`, "]", `\]`)
