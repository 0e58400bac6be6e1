-- Says who asked to be left alone, and hears who else is.
-- KEYS[1]: names by the moment, in milliseconds, when they may be asked again.
-- ARGV: the most names; then name and how long in milliseconds, again and again.
-- Answers name and how much longer, again and again.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
for at = 2, #ARGV, 2 do
    local till = now + ARGV[at + 1]
    local known = redis.call('ZSCORE', KEYS[1], ARGV[at])
    if not known or tonumber(known) < till then redis.call('ZADD', KEYS[1], till, ARGV[at]) end
end
-- Those that may be asked soonest go first where there are too many.
local over = redis.call('ZCARD', KEYS[1]) - ARGV[1]
if over > 0 then redis.call('ZREMRANGEBYRANK', KEYS[1], 0, over - 1) end
local answer, last = {}, 0
local all = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for at = 1, #all, 2 do
    local left = all[at + 1] - now
    answer[at], answer[at + 1] = all[at], left
    last = math.max(last, left)
end
if last > 0 then redis.call('PEXPIRE', KEYS[1], last + 1000) end
return answer
