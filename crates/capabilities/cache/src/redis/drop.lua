-- Notes a drop under the next number. Too many to tell apart become one of everything.
local last = tonumber(redis.call('HGET', KEYS[1], '#') or '0')
local number = string.format('%.0f', math.max(last, tonumber(ARGV[2])) + 1)
if redis.call('HLEN', KEYS[1]) > 1000 then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], ARGV[3], number)
end
redis.call('HSET', KEYS[1], '#', number, ARGV[1], number)
return tonumber(number)
