-- Let a claim go under which nothing was sent: [prefix, keep ms, owner, request id, number, source] -> 1, or 0 when it
-- is another's. One that was taken over goes back as it was, its lease ended: whoever had it before may have sent.
local key, number = ARGV[1] .. 'otp:' .. ARGV[4], ARGV[5]
local held = redis.call('HMGET', key, 'o' .. number, 's' .. number, 'a' .. number, 'z' .. number, 'n')
if held[1] ~= ARGV[3] or held[2] ~= ARGV[6] or held[3] then
  return 0
end
if held[4] then
  redis.call('HSET', key, 'l' .. number, 0, 'z' .. number, held[4] - 1)
  return 1
end
redis.call('HDEL', key, 'o' .. number, 's' .. number, 'l' .. number)
if held[5] == number then
  redis.call('HSET', key, 'n', number - 1)
end
return 1
