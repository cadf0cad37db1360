-- Use a code up, once ever: [prefix, keep ms, request id, now ms, ms that are in time] ->
-- nothing, or {when it was issued, ms; 1 when this is the first to tell, in time, that it has arrived;
-- {{attempt, receipt's state or ''}, ...} of the attempts whose outcome is known}.
-- A row without a counted try is not the one that was tried.
local key = ARGV[1] .. 'otp:' .. ARGV[3]
local row = redis.call('HMGET', key, 'u', 'v', 'x', 'n', 'i', 't')
if not row[1] or row[2] or row[3] then
  return false
end
redis.call('HSET', key, 'v', ARGV[4])
local in_time = 0
if not row[6] and tonumber(ARGV[4]) - tonumber(row[5]) <= tonumber(ARGV[5]) then
  redis.call('HSET', key, 't', 1)
  in_time = 1
end
local attempts = {}
for number = 1, tonumber(row[4] or 0) do
  local held = redis.call('HMGET', key, 'a' .. number, 'r' .. number)
  if held[1] then
    attempts[#attempts + 1] = {held[1], held[2] or ''}
  end
end
return {row[5], in_time, attempts}
