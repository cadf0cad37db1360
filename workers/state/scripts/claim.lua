-- Claim attempts: [prefix, keep ms, owner, lease ms, now ms, JSON list of claims] -> one answer a claim:
-- {verdict, attempt number, kid, deadline ms, stored outcome or '', ms to wait, times it was taken over},
-- or nothing for one whose row cannot be read (each.lua).
-- The time is the broker's, which the caller knows: this server's own clock may be hours off, and ends no code.
local prefix, keep, owner, lease, now = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])

-- The newest request of a caller, number and purpose voids the ones before it, in whatever order they come.
local function supersede(key, id, caller, hash, purpose, issued, deadline)
  local newest = prefix .. 'newest:' .. caller .. ':' .. hash .. ':' .. purpose
  local held = redis.call('HMGET', newest, 'id', 'issued')
  if held[1] and held[1] ~= id then
    local later = tonumber(held[2]) > tonumber(issued) or (held[2] == issued and held[1] > id)
    if later then
      redis.call('HSET', key, 'x', held[1])
      return
    end
    local old = prefix .. 'otp:' .. held[1]
    if redis.call('EXISTS', old) == 1 then
      redis.call('HSET', old, 'x', id)
    end
  end
  redis.call('HSET', newest, 'id', id, 'issued', issued)
  redis.call('PEXPIRE', newest, tonumber(deadline) + keep - now)
end

local function open_row(key, c)
  local id, _, _, _, caller, hash, kid, purpose, issued, deadline, request = unpack(c)
  if redis.call('HSETNX', key, 'c', caller) == 1 then
    redis.call('HSET', key, 'h', hash, 'k', kid, 'i', issued, 'd', deadline, 'q', request, 'n', 0)
    redis.call('PEXPIRE', key, tonumber(deadline) + keep - now)
    supersede(key, id, caller, hash, purpose, issued, deadline)
  end
end

local function number_of(key, wanted, resend, newest)
  if resend == 0 then
    return wanted
  end
  local given = redis.call('HGET', key, 'e' .. resend)
  if given then
    return tonumber(given)
  end
  redis.call('HSET', key, 'e' .. resend, newest + 1)
  return newest + 1
end

local function claim(c)
  local key, caller = prefix .. 'otp:' .. c[1], c[5]
  if tonumber(c[10]) + keep <= now then -- its row would be over: nothing is left to claim
    return {'void', c[2], c[7], c[10], '', 0, 0}
  end
  open_row(key, c)
  local row = redis.call('HMGET', key, 'c', 'k', 'd', 'n', 'v', 'x')
  local kid, deadline, newest = row[2], row[3], tonumber(row[4])
  if row[1] ~= caller then
    return {'duplicate', c[2], kid, deadline, '', 0, 0}
  end
  local number = c[2]
  if c[3] ~= 0 or number == 0 then
    number = number_of(key, number, c[3], newest)
  end
  local held = redis.call('HMGET', key, 's' .. number, 'o' .. number, 'l' .. number, 'a' .. number)
  if held[1] and held[1] ~= c[4] then
    return {'duplicate', number, kid, deadline, '', 0, 0}
  end
  if held[4] then
    return {'known', number, kid, deadline, held[4], 0, 0}
  end
  if row[5] or row[6] then
    return {row[5] and 'verified' or 'void', number, kid, deadline, '', 0, 0}
  end
  local verdict, taken_over = 'granted', 0
  if held[1] then
    local left = tonumber(held[3]) - now
    if left > 0 then
      return {'wait', number, kid, deadline, '', left, 0}
    end
    verdict, taken_over = 'excused', redis.call('HINCRBY', key, 'z' .. number, 1)
  end
  redis.call('HSET', key, 's' .. number, c[4], 'o' .. number, owner, 'l' .. number, now + lease,
    'n', math.max(newest, number))
  return {verdict, number, kid, deadline, '', 0, taken_over}
end

return each(cjson.decode(ARGV[6]), claim)
