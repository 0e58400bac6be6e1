-- All drops, where there are others than the caller knows of. A Redis that has forgotten them learns how many there were:
-- numbers never start anew.
local last = tonumber(redis.call('HGET', KEYS[1], '#') or '0')
local seen = tonumber(ARGV[1])
if last < seen then
  redis.call('HSET', KEYS[1], '#', ARGV[1])
end
if last <= seen then
  return {}
end
return redis.call('HGETALL', KEYS[1])
