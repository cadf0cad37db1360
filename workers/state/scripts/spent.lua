-- Before scripts that bound the attempts of a request.
-- What reached nobody counts for nothing: PASSING of pipeline/dispatch/retry.py.
local PASSING = {not_sent = true, throttled = true, unavailable = true}

local function is_too_many(key, newest, most)
  local count = newest
  for number = 1, count >= most and newest or 0 do
    local made = redis.call('HGET', key, 'a' .. number)
    if made and PASSING[cjson.decode(made).outcome] then
      count = count - 1
    end
  end
  return count >= most
end

