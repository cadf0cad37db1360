-- Take a receipt: [prefix, keep ms, request id, attempt number, state, part or 0, parts or 0, 1 to write it, now ms, ms
-- that are in time] -> {'stranger'}, or {'known' when it says nothing new, else 'advanced'; when the code was issued, ms;
-- 1 when this is written and the first to tell, in time, that the code has arrived; the state of the whole message}.
-- No two states are of one rank, so that receipts give the same row in whatever order they come.
local rank = {ENROUTE = 1, UNKNOWN = 2, EXPIRED = 3, UNDELIVERABLE = 4, REJECTED = 5, DELIVERED = 6}
local key, number, state, parts = ARGV[1] .. 'otp:' .. ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[7])
local held = redis.call('HMGET', key, 's' .. number, 'r' .. number, 'i', 't')
if not held[1] then
  return {'stranger'}
end
-- Nobody can read a part of a code: it is there when its last part is, so a failed part outranks those that arrived.
-- That a part arrived is noted at the first look already: of two that are looked at at once, one must see them both.
if parts > 1 and state == 'DELIVERED' then
  redis.call('HSET', key, 'p' .. number .. '.' .. ARGV[6], 1)
  for part = 1, parts do
    if redis.call('HEXISTS', key, 'p' .. number .. '.' .. part) == 0 then
      state = 'ENROUTE'
    end
  end
end
if held[2] and rank[held[2]] >= rank[state] then
  return {'known', held[3], 0, state}
end
local in_time = 0
if ARGV[8] == '1' then
  redis.call('HSET', key, 'r' .. number, state)
  if state == 'DELIVERED' and not held[4] and tonumber(ARGV[9]) - tonumber(held[3]) <= tonumber(ARGV[10]) then
    redis.call('HSET', key, 't', 1)
    in_time = 1
  end
end
return {'advanced', held[3], in_time, state}
