-- Look at requests: [prefix, keep ms, JSON list of {request id, number, source}] ->
-- {1 if verified, 1 if void, 1 if another source made the next attempt, {{number, receipt state}, ...},
--  the next attempt's outcome if this source made it, or ''} each,
-- or nothing for one whose row cannot be read (each.lua)
return each(cjson.decode(ARGV[3]), function(look)
  local key = ARGV[1] .. 'otp:' .. look[1]
  local row = redis.call('HMGET', key, 'v', 'x', 'n', 's' .. (look[2] + 1), 'a' .. (look[2] + 1))
  local states = {}
  for number = 1, math.max(tonumber(row[3] or 0), look[2]) do
    local state = redis.call('HGET', key, 'r' .. number)
    if state then
      states[#states + 1] = {number, state}
    end
  end
  local succeeded = row[4] and row[4] ~= look[3]
  local made = row[4] == look[3] and row[5] or ''
  return {row[1] and 1 or 0, row[2] and 1 or 0, succeeded and 1 or 0, states, made}
end)
