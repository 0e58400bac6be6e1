-- Puts in what the caller knows: after the numbers of now, of its era and of its last drop, each scope with its number.
-- A table that is not there, or that knows of fewer drops than the caller, has been made anew: everybody is to put in
-- what they know, and numbers go on above all that were.
local now, seen = tonumber(ARGV[1]), tonumber(ARGV[3])
local last = tonumber(redis.call('HGET', KEYS[1], '#') or '0')
local made = redis.call('HGET', KEYS[1], '+')
local changed = false
if not made then
  redis.call('HSET', KEYS[1], '@', ARGV[2])
end
if not made or last < seen then
  last = math.max(last, seen, now)
  redis.call('HSET', KEYS[1], '+', string.format('%.0f', last))
  changed = true
end
for at = 4, #ARGV, 2 do
  local known = tonumber(redis.call('HGET', KEYS[1], ARGV[at]) or '0')
  if known < tonumber(ARGV[at + 1]) then
    redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1])
    changed = true
  end
end
if changed then
  redis.call('HSET', KEYS[1], '#', string.format('%.0f', last + 1))
end
return redis.call('HGETALL', KEYS[1])
