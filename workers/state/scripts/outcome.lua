-- Keep outcomes of attempts: [prefix, keep ms, JSON list of {request id, number, attempt}]. The first one stays.
-- -> 1 each, or nothing for one whose row cannot be read (each.lua)
return each(cjson.decode(ARGV[3]), function(outcome)
  local key = ARGV[1] .. 'otp:' .. outcome[1]
  if redis.call('EXISTS', key) == 1 then
    redis.call('HSETNX', key, 'a' .. outcome[2], outcome[3])
  end
  return 1
end)
