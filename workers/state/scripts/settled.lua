-- Before every script that depends on the epoch: since when codes count (ms), or nothing where epoch.lua must settle that
-- first, because the server was started anew or one of the two keys that hold it is gone.
local function settled_since()
  local epoch, twin = redis.pcall('GET', ARGV[1] .. 'epoch'), redis.pcall('GET', ARGV[1] .. 'since')
  if type(epoch) ~= 'string' or epoch ~= twin then
    return nil
  end
  local since, run = string.match(epoch, '^(%d+) (%x+) [01]$')
  if string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') ~= run then
    return nil
  end
  return tonumber(since)
end

