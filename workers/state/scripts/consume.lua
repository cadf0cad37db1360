-- Use a code up, once ever: [prefix, keep ms, request id, now ms, ms that are in time, ms for a repeat,
-- mark of this use, 1 to use it up or 0 to see only whether this very use went through] ->
-- nothing, {} for a repeat of one that was used up a moment ago, or what the one use is told:
-- {when it was issued, ms; 1 when this is the first to tell, in time, that it has arrived;
-- {{attempt, receipt's state or ''}, ...} of the attempts whose outcome is known}.
-- A row without a counted try is not the one that was tried.
local key, now, mark, use = ARGV[1] .. 'otp:' .. ARGV[3], tonumber(ARGV[4]), ARGV[7], ARGV[8] == '1'
local row = redis.call('HMGET', key, 'u', 'v', 'x', 'n', 'i', 't', 'm')
local tried, verified, void, newest, issued, told, by = unpack(row, 1, 7)
if by ~= mark then
  if not (tried and use) or void then
    return false
  end
  if verified then
    return by and now - tonumber(verified) <= tonumber(ARGV[6]) and {} -- what its caller reported was not used here
  end
  if not told and now - tonumber(issued) <= tonumber(ARGV[5]) then
    told = mark
    redis.call('HSET', key, 't', mark)
  end
end
-- Also when it is only seen: nobody could be told before, so that the time for a repeat begins now.
redis.call('HSET', key, 'v', ARGV[4], 'm', mark)
local attempts = {}
for number = 1, tonumber(newest or 0) do
  local held = redis.call('HMGET', key, 'a' .. number, 'r' .. number)
  if held[1] then
    attempts[#attempts + 1] = {held[1], held[2] or ''}
  end
end
return {issued, told == mark and 1 or 0, attempts}
