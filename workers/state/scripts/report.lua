-- Take callers' words that their own codes were entered: [prefix, keep ms, JSON list of {request id, caller, ms}] ->
-- 1 each for what ends its request, or ended it before; 0 for what the row does not prove: a request of this caller,
-- with a code of its own; or nothing for one whose row cannot be read (each.lua).
local function take(report)
  local key = ARGV[1] .. 'otp:' .. report[1]
  local row = redis.call('HMGET', key, 'c', 'y')
  local proven = row[1] == report[2] and row[2] and row[2] ~= ''
  if proven then
    redis.call('HSETNX', key, 'v', string.format('%d', report[3]))
  end
  return proven and 1 or 0
end

return each(cjson.decode(ARGV[3]), take)
