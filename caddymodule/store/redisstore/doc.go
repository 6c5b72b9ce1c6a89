// Package redisstore keeps the records in Redis (6.2 or later; standalone,
// Sentinel or Cluster): the store of gateways that run on several machines. It
// owns the keys, the scripts that make an Update one step, the stream by which
// nodes tell each other what changed, and schema migration. It never fails for
// good because Redis is away: it connects when it can and recovers by itself.
//
// The keys, all behind a prefix ("cliendo:" by default), where % and braces of
// the tag are percent-encoded so that a tag is exactly the hash tag of Cluster:
//
//	{<tag>}:<kind>:<id>   a record: its expiry (8 bytes, as in boltstore) and its bytes
//	{<tag>}/<kind>        the ids of a listed kind, a sorted set read by name
//	changes               the stream of announced changes
//	schema                the schema version
//	migration             the migration under way and who is at it
//	ping                  written by Ping
//
// A record that expires is gone for readers at that moment, by the clock of the
// gateway; Redis removes it a minute later. During a migration the old value of
// each record that changes is copied to "schema<N>.<id>:{<tag>}:<kind>:<id>".
package redisstore
