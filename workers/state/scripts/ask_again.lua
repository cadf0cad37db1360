-- A person wants another message:
-- [prefix, keep ms, request id, caller, now ms, ms between wishes, share of the life, most attempts] ->
-- {'lost'}, {'unknown'}, {'verified'}, {'superseded'}, {'late'}, {'spent'}, {'early', ms to wait} or {'asked', ordinal of the wish, sealed request}
local since = settled_since()
if not since then
  return {'lost'}
end
local key = ARGV[1] .. 'otp:' .. ARGV[3]
local row = redis.call('HMGET', key, 'c', 'i', 'd', 'q', 'v', 'x', 'n', 'W')
local caller, issued, deadline, request, verified, void, newest, asked = unpack(row, 1, 8)
if caller ~= ARGV[4] then
  return {'unknown'}
end
issued = tonumber(issued)
local now = tonumber(ARGV[5])
local last = issued + tonumber(ARGV[7]) * (tonumber(deadline) - issued)
if verified or void then
  return {verified and 'verified' or 'superseded'}
end
if now > last or issued < since then
  return {'late'}
end
if is_too_many(key, tonumber(newest), tonumber(ARGV[8])) then
  return {'spent'}
end
local wait = math.max(issued, tonumber(asked or 0)) + tonumber(ARGV[6]) - now
if wait > 0 then
  return {'early', wait}
end
redis.call('HSET', key, 'W', ARGV[5])
local ordinal
repeat -- one that its caller has used on Kafka is another wish
  ordinal = redis.call('HINCRBY', key, 'w', 1)
until redis.call('HEXISTS', key, 'e' .. ordinal) == 0
return {'asked', ordinal, request}
