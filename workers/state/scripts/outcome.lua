-- Keep outcomes of attempts: [prefix, keep ms, JSON list of {request id, number, attempt}]. The first one stays.
for _, outcome in ipairs(cjson.decode(ARGV[3])) do
  local key = ARGV[1] .. 'otp:' .. outcome[1]
  if redis.call('EXISTS', key) == 1 then
    redis.call('HSETNX', key, 'a' .. outcome[2], outcome[3])
  end
end
return 1
