-- Settle since when codes count: [prefix, keep ms, run id, 1 if the server keeps every write, now ms] ->
-- 1, or 0 when another run of the server answers than the one that was asked about.
-- A missing epoch is an empty store: its first start, or all state lost. Another run has forgotten nothing if both keep
-- every write and it is the same server, not a replica in its place (the second replication id names its master then).
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
if run ~= ARGV[3] then
  return 0
end
local key = ARGV[1] .. 'epoch'
local since, settled, kept = string.match(redis.call('GET', key) or '', '^(%d+) (%x+) ([01])$')
if settled == run then
  return 1
end
local promoted = not string.find(redis.call('INFO', 'replication'), 'master_replid2:0+%s')
if kept ~= '1' or ARGV[4] ~= '1' or promoted then
  since = ARGV[5]
end
redis.call('SET', key, since .. ' ' .. run .. ' ' .. ARGV[4])
return 1
