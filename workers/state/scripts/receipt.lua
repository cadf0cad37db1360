-- Take a receipt: [prefix, keep ms, request id, attempt number, state, 1 to write it, now ms, ms that are in time] ->
-- {'stranger'}, or {'known' when it says nothing new, else 'advanced'; when the code was issued, ms; 1 when this is
-- written and the first to tell, in time, that the code has arrived}. No two states are of one rank, so that receipts
-- give the same row in whatever order they come.
local rank = {ENROUTE = 1, UNKNOWN = 2, EXPIRED = 3, UNDELIVERABLE = 4, REJECTED = 5, DELIVERED = 6}
local key, state = ARGV[1] .. 'otp:' .. ARGV[3], ARGV[5]
local held = redis.call('HMGET', key, 's' .. ARGV[4], 'r' .. ARGV[4], 'i', 't')
if not held[1] then
  return {'stranger'}
end
if held[2] and rank[held[2]] >= rank[state] then
  return {'known', held[3], 0}
end
local in_time = 0
if ARGV[6] == '1' then
  redis.call('HSET', key, 'r' .. ARGV[4], state)
  if state == 'DELIVERED' and not held[4] and tonumber(ARGV[7]) - tonumber(held[3]) <= tonumber(ARGV[8]) then
    redis.call('HSET', key, 't', 1)
    in_time = 1
  end
end
return {'advanced', held[3], in_time}
