package redisstore

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// updateScript is the commit of an Update: it answers 0, and changes nothing,
// when a record is not what the Update saw, else it writes and answers 1.
//
//	KEYS  the records seen; for each write the record and its index (the record
//	      itself when it has none); the stream, when there are changes for it; the
//	      snapshot, where there can be one
//	ARGV  the numbers of records seen, writes and changes; node, update, length of
//	      the stream, "1" when there can be a snapshot; for each record seen "1" and its value or "0" and ""; for
//	      each write the value or "" to delete, "1" when listed, the id, and how
//	      long Redis keeps it ("" for ever); for each change tag, kind and id
var updateScript = newScript(`
local seen, writes, changes = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local k, a = 1, 8
local snapshot = ARGV[7] == '1' and writes > 0 and redis.call('EXISTS', KEYS[#KEYS]) == 1
for _ = 1, seen do
  local raw = redis.call('GET', KEYS[k])
  if ARGV[a] == '1' then
    if raw ~= ARGV[a + 1] then return 0 end
  elseif raw then
    return 0
  end
  k, a = k + 1, a + 2
end
for _ = 1, writes do
  local record, index = KEYS[k], KEYS[k + 1]
  local raw, listed, id, keep = ARGV[a], ARGV[a + 1] == '1', ARGV[a + 2], ARGV[a + 3]
  if snapshot then redis.call('HSETNX', KEYS[#KEYS], record, redis.call('GET', record) or '') end
  if raw == '' then
    redis.call('DEL', record)
    if listed then redis.call('ZREM', index, id) end
  else
    if keep == '' then
      redis.call('SET', record, raw)
    else
      redis.call('SET', record, raw, 'PX', keep)
    end
    if listed then
      -- The index lives as long as the longest of its records.
      local left = redis.call('PTTL', index)
      redis.call('ZADD', index, 0, id)
      if keep == '' then
        redis.call('PERSIST', index)
      elseif left == -2 or (left >= 0 and left < tonumber(keep)) then
        redis.call('PEXPIRE', index, keep)
      end
    end
  end
  k, a = k + 2, a + 4
end
for _ = 1, changes do
  redis.call('XADD', KEYS[k], 'MAXLEN', '~', ARGV[6], '*', 'n', ARGV[4], 'u', ARGV[5],
    't', ARGV[a], 'k', ARGV[a + 1], 'i', ARGV[a + 2])
  a = a + 3
end
return 1`)

// pruneScript takes ids out of an index whose records are gone.
//
//	KEYS  the index, then the records    ARGV  their ids
var pruneScript = newScript(`
for i = 1, #ARGV do
  if redis.call('EXISTS', KEYS[i + 1]) == 0 then redis.call('ZREM', KEYS[1], ARGV[i]) end
end
return 1`)

// migrateScript replaces a value and keeps a copy of the old one. It answers 0
// when the record is not what was read. A record that has a copy was migrated
// before, by a run that did not finish.
//
//	KEYS  the record, the copy    ARGV  the value read, the new value
var migrateScript = newScript(`
if redis.call('EXISTS', KEYS[2]) == 1 then return 1 end
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('COPY', KEYS[1], KEYS[2])
redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
return 1`)

// script is a script with its digest.
type script struct {
	*redis.Script
	source string
}

func newScript(source string) script { return script{redis.NewScript(source), source} }

// once is a command that the client library must not send a second time: nobody
// could tell whether the first one had worked.
type once struct{ *redis.Cmd }

// NoRetry is asked by the library.
func (once) NoRetry() bool { return true }

// run runs a script by its digest, or whole when the server does not know it.
func (s *Store) run(ctx context.Context, script script, keys []string, args []any) *redis.Cmd {
	cmd := s.send(ctx, "evalsha", script.Hash(), keys, args)
	if redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") {
		cmd = s.send(ctx, "eval", script.source, keys, args)
	}
	return cmd
}

func (s *Store) send(ctx context.Context, command, script string, keys []string, args []any) *redis.Cmd {
	all := make([]any, 0, 3+len(keys)+len(args))
	all = append(all, command, script, len(keys))
	for _, k := range keys {
		all = append(all, k)
	}
	cmd := once{redis.NewCmd(ctx, append(all, args...)...)}
	_ = s.client.Process(ctx, cmd)
	return cmd.Cmd
}
