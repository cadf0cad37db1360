-- Prolong a lease: [prefix, keep ms, owner, lease ms, request id, number, source] -> 1, or 0 when it is another's.
local key = ARGV[1] .. 'otp:' .. ARGV[5]
local number = ARGV[6]
local held = redis.call('HMGET', key, 'o' .. number, 's' .. number, 'a' .. number)
if held[1] ~= ARGV[3] or held[2] ~= ARGV[7] or held[3] then
  return 0
end
local time = redis.call('TIME')
redis.call('HSET', key, 'l' .. number, time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[4]))
return 1
