-- Settle since when codes count: [prefix, keep ms, run id, 1 if the server keeps every write, now ms] ->
-- 'kept', 'restored', 'carried', 'begun' or 'broken' (epoch.py tells what each is), or nothing when another run of the
-- server answers than the one that was asked about.
-- The epoch is kept twice. One of the two alone is missing when a key was evicted or deleted: the other one shows that
-- the store was not emptied. Both are missing in an empty store: its first start, or all state lost.
-- Another run has forgotten nothing if both keep every write and it is the same server, not a replica in its place (the
-- second replication id names its master then).
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
if run ~= ARGV[3] then
  return false
end
local keys = {ARGV[1] .. 'epoch', ARGV[1] .. 'since'}

local function read(key)
  local held = redis.pcall('GET', key)
  if type(held) ~= 'string' then
    return nil
  end
  return held, string.match(held, '^(%d+) (%x+) ([01])$')
end

local function write(since, kept)
  for _, key in ipairs(keys) do
    redis.call('SET', key, since .. ' ' .. run .. ' ' .. kept)
  end
end

local held, since, settled, kept = read(keys[1])
local other, since2, settled2, kept2 = read(keys[2])
if not since or (since2 and tonumber(since2) > tonumber(since)) then -- the later one refuses more
  since, settled, kept = since2, settled2, kept2
end
if not since then
  write(ARGV[5], ARGV[4])
  return 'begun'
end
if settled == run and held == other then
  return 'kept'
end
local promoted = not string.find(redis.call('INFO', 'replication'), 'master_replid2:0+%s')
if settled ~= run and (kept ~= '1' or ARGV[4] ~= '1' or promoted) then
  write(ARGV[5], ARGV[4])
  return 'broken'
end
write(since, settled == run and kept or ARGV[4])
return held == other and 'carried' or 'restored'
