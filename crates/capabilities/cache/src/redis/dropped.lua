-- All drops, where the table is another than the caller knows or another number is the last.
local made = redis.call('HGET', KEYS[1], '+')
if not made then
  return {'+', '0'}
end
if made == ARGV[1] and redis.call('HGET', KEYS[1], '#') == ARGV[2] then
  return {}
end
return redis.call('HGETALL', KEYS[1])
