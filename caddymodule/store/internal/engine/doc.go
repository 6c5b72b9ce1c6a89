// Package engine holds what boltstore and redisstore have in common: how a value
// and its expiry lie in the store, the record of what an Update read and wrote,
// and the list of watchers. How bytes reach a disk or a server is theirs.
package engine
