-- Count a try before anything is compared: [prefix, keep ms, request id, caller, now ms, tries] ->
-- {'lost'} when state may have been lost since the epoch was settled, {'unknown'}, {'refused'},
-- or {'open', kid, number hash, sealed request}
local since = settled_since()
if not since then
  return {'lost'}
end
local key = ARGV[1] .. 'otp:' .. ARGV[3]
local row = redis.call('HMGET', key, 'c', 'k', 'h', 'i', 'd', 'q', 'v', 'x')
local caller, kid, hash, issued, deadline, request, verified, void = unpack(row, 1, 8)
if caller ~= ARGV[4] then
  return {'unknown'}
end
local used = redis.call('HINCRBY', key, 'u', 1)
if verified or void or used > tonumber(ARGV[6]) then
  return {'refused'}
end
if tonumber(ARGV[5]) > tonumber(deadline) or tonumber(issued) < since then
  return {'refused'}
end
return {'open', kid, hash, request}
