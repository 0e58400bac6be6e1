-- Notes a drop under the next number; 0 where the table is not the one that the caller knows. Too many to tell apart
-- become one of everything.
local last = tonumber(redis.call('HGET', KEYS[1], '#') or '0')
if redis.call('HGET', KEYS[1], '+') ~= ARGV[1] or last < tonumber(ARGV[2]) then
  return 0
end
local number = string.format('%.0f', last + 1)
if redis.call('HLEN', KEYS[1]) > 1000 then
  local era = redis.call('HGET', KEYS[1], '@')
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], '@', era, '+', ARGV[1], ARGV[4], number)
end
redis.call('HSET', KEYS[1], '#', number, ARGV[3], number)
return tonumber(number)
