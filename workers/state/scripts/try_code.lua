-- Count a try before anything is compared: [prefix, keep ms, request id, caller, now ms, tries, ms for a repeat,
-- 1 when the entry may be a code of ours, 1 when it may be one of the caller's own] ->
-- {'lost'} when state may have been lost since the epoch was settled, {'unknown'}, {'unreadable'}, {'refused'},
-- or {'open', kid, number hash, sealed request}: it may be compared, also for a while after it was right.
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
local own = ARGV[8] ~= ARGV[9] and type(cjson.decode(request).code) == 'string'
if ARGV[own and 9 or 8] ~= '1' then
  return {'unreadable'}
end
local now, tries = tonumber(ARGV[5]), tonumber(ARGV[6])
local used = redis.call('HINCRBY', key, 'u', 1)
if void or tonumber(issued) < since then
  return {'refused'}
end
if verified then -- as many entries again: who repeats may have been right at the last try, and guessing stays bounded
  if now - tonumber(verified) > tonumber(ARGV[7]) or used > 2 * tries then
    return {'refused'}
  end
elseif used > tries or now > tonumber(deadline) then
  return {'refused'}
end
return {'open', kid, hash, request}
