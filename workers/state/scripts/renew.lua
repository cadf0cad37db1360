-- Prolong a lease: [prefix, keep ms, owner, lease ms, now ms (the broker's), request id, number, source] ->
-- 1, or 0 when it is another's.
local key = ARGV[1] .. 'otp:' .. ARGV[6]
local number = ARGV[7]
local held = redis.call('HMGET', key, 'o' .. number, 's' .. number, 'a' .. number)
if held[1] ~= ARGV[3] or held[2] ~= ARGV[8] or held[3] then
  return 0
end
redis.call('HSET', key, 'l' .. number, tonumber(ARGV[5]) + tonumber(ARGV[4]))
return 1
