// Package boltstore keeps the records in one bbolt file: the store of a gateway
// that runs on one machine. It owns the layout of that file, group commit,
// removal of what expired, schema migration, backup and compaction. Sharing the
// open store between two configs of one process is left to the caller: a file
// can be open once.
//
// The layout: a bucket per kind, named "k:" and the kind; in it the key is the
// tag, a NUL and the id, the value is the expiry (8 bytes, milliseconds since
// 1970, big endian, 0 for never) and the bytes of the record. The bucket "meta"
// holds the schema version.
package boltstore
