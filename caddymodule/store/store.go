// Package store is the contract between the gateway and the place where its
// records live. It owns the records, their encoding and the small interfaces
// that boltstore and redisstore fulfil; storetest holds both to the sentences
// written here. What the records mean is not decided here: that is the business
// of directory, session, limit and attempt.
//
// Three answers of a store are kept apart everywhere: the record, ErrNotFound
// (there is none, or it expired) and any other error (nobody knows). An error
// never means "not there".
package store

import (
	"context"
	"errors"
	"io"
	"time"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrNotFound: the store answered, and there is no such record or it expired.
	ErrNotFound = errors.New("not found")
	// ErrUnavailable: the store could not answer. The caller knows nothing.
	ErrUnavailable = errors.New("store unavailable")
	// ErrConflict: an Update lost the race too often. Nothing was written.
	ErrConflict = errors.New("too many concurrent changes")
	// ErrKey: a tag, kind or id is empty where it may not be, too long, or holds a NUL.
	ErrKey = errors.New("bad key")
	// ErrNewerSchema: the records were written by a newer version of the gateway.
	ErrNewerSchema = errors.New("store was written by a newer version")
	// ErrLocked: another process holds the store.
	ErrLocked = errors.New("store is locked by another process")
)

// MaxKeyPart is the longest tag or id, in bytes.
const MaxKeyPart = 512

// Kind is a sort of record.
type Kind struct {
	// Name is short and stable: it is part of every key.
	Name string
	// Listed kinds can be scanned within their tag, in the order of their ids.
	Listed bool
}

// Key names one record. Records of one tag live together: they can change in
// one Update, and share a hash slot on a Redis Cluster.
type Key struct {
	Tag  string
	Kind Kind
	ID   string
}

// Entry is a record as it lies in the store.
type Entry struct {
	ID      string
	Value   []byte
	Expires time.Time // zero: never
}

// Change tells watchers which record was written or deleted.
type Change struct {
	Tag, Kind, ID string
	// Lost is true when changes may have been missed: forget everything that was
	// read before. The other fields are empty then.
	Lost bool
}

// Reader reads records. The bytes it returns belong to the caller.
type Reader interface {
	// Get returns the value at key, or ErrNotFound.
	Get(ctx context.Context, key Key) ([]byte, error)
	// Scan returns up to limit entries of a Listed kind within tag, in the byte
	// order of their ids: those greater than after that begin with prefix.
	// Expired ones are left out. A limit of 0 or less gets none.
	Scan(ctx context.Context, tag string, kind Kind, prefix, after string, limit int) ([]Entry, error)
}

// Tx reads and writes the records of one tag. What it reads includes what it
// wrote itself. Neither a Tx nor bytes returned by it outlive the function it
// was passed to. When one of its methods fails (ErrNotFound is no failure) the
// Update fails with that error, even if the function ignores it.
type Tx interface {
	// Get returns the value of a record, or ErrNotFound.
	Get(kind Kind, id string) ([]byte, error)
	// Put writes a record. A zero expires means never; one that has come deletes.
	// Expiry counts in whole milliseconds.
	Put(kind Kind, id string, value []byte, expires time.Time) error
	// Delete removes a record. One that is not there is no error.
	Delete(kind Kind, id string) error
	// Announce has watchers on every node told about a record of this tag, after
	// the commit. Only records that are cached need it.
	Announce(kind Kind, id string)
}

// Updater changes records.
type Updater interface {
	// Update runs fn and commits what it wrote as one step: all or nothing, as if
	// no other Update of the same tag ran at the same time. fn may run more than
	// once, in any goroutine, must have no effect outside tx and must not call the
	// store. When fn returns an error nothing is written and that error is returned.
	// When Update returns nil the change is as durable as the store can make it.
	// After ErrUnavailable it may have been made or not.
	Update(ctx context.Context, tag string, fn func(tx Tx) error) error
}

// Watcher tells what changed.
type Watcher interface {
	// Watch calls fn for every announced change, made on this node or another,
	// one at a time. A change made on this node is seen before its Update returns,
	// and may be told a second time. fn must be quick and must call neither Update
	// nor stop. stop ends it; fn is not called after stop has returned.
	Watch(fn func(Change)) (stop func())
	// InSync returns the moment up to which all announced changes of other nodes
	// have surely been seen: now while the store is in reach, the past when not.
	InSync() time.Time
}

// Engine is a store.
type Engine interface {
	Reader
	Updater
	Watcher
	Maintainer
	io.Closer
}

// Maintainer is what operators ask of a store.
type Maintainer interface {
	// Ping returns nil when the store can serve reads and writes right now.
	Ping(ctx context.Context) error
	// Inspect describes the store for `check`: durability, size, policy; each line
	// says whether it is fine and if not what to do.
	Inspect(ctx context.Context) ([]Finding, error)
}

// Finding is one line of Inspect.
type Finding struct {
	Part    string `json:"part"`          // e.g. "durability"
	Level   string `json:"level"`         // "ok", "warning" or "error"
	Message string `json:"message"`       // what is the case
	Fix     string `json:"fix,omitempty"` // what to do about it
}

// SchemaVersion is the version of the records this code writes. A store with a
// newer one is refused; an older one is migrated after a copy.
const SchemaVersion = 1

// Migration brings all records from one schema version to the next.
type Migration struct {
	From int // it leads to From+1
	// Value returns the new value of a record, the same bytes when nothing changes.
	// Of key.Kind only the name is set.
	Value func(key Key, value []byte) ([]byte, error)
}

// Options are common to all engines.
type Options struct {
	// Now is the clock by which records expire; default time.Now.
	Now func() time.Time
	// Schema and Migrations default to SchemaVersion and the list of this package.
	Schema     int
	Migrations []Migration
	// Observe is told how long each read ("get", "scan") and write ("update") took
	// and whether it failed; for metrics. ErrNotFound and an error returned by the
	// function given to Update are no failures. Optional.
	Observe func(operation string, took time.Duration, err error)
}

// Migrations lists the steps to SchemaVersion, in order. Empty as long as there
// is only one version.
var Migrations []Migration

// WithDefaults fills what was left empty.
func (o Options) WithDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Schema == 0 {
		o.Schema, o.Migrations = SchemaVersion, Migrations
	}
	if o.Observe == nil {
		o.Observe = func(string, time.Duration, error) {}
	}
	return o
}
