-- Take a receipt: [prefix, keep ms, request id, attempt number, state, 1 to write it] ->
-- 'stranger', 'known' when it says nothing new, or 'advanced'. No two states are of one rank, so that receipts give
-- the same row in whatever order they come.
local rank = {ENROUTE = 1, UNKNOWN = 2, EXPIRED = 3, UNDELIVERABLE = 4, REJECTED = 5, DELIVERED = 6}
local key = ARGV[1] .. 'otp:' .. ARGV[3]
local held = redis.call('HMGET', key, 's' .. ARGV[4], 'r' .. ARGV[4])
if not held[1] then
  return 'stranger'
end
if held[2] and rank[held[2]] >= rank[ARGV[5]] then
  return 'known'
end
if ARGV[6] == '1' then
  redis.call('HSET', key, 'r' .. ARGV[4], ARGV[5])
end
return 'advanced'
