-- Adds a member to a set that is then kept for at least so long.
-- KEYS[1]: the set. ARGV: the member; how long, in milliseconds.
redis.call('SADD', KEYS[1], ARGV[1])
-- A set without an end says -1, which is sooner than any.
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
