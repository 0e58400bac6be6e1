-- Takes from a rate that servers share: the generic cell rate algorithm, by the clock of this server alone.
-- KEYS[1]: the moment, in microseconds, when nothing that was taken is owed any more.
-- ARGV: how many a minute; how many at once; the least that is of use; the most that is wanted; how many are given
-- back; for how many microseconds nothing can have been lost, or -1.
-- Answers how many are granted, and if none how many microseconds to wait.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local per = 60000000 / ARGV[1]
local ahead = ARGV[2] * per
local least, most = tonumber(ARGV[3]), tonumber(ARGV[4])

local free = tonumber(redis.call('GET', KEYS[1]) or '0') - ARGV[5] * per
-- What was taken before something was lost nobody knows: it counts as if all had been taken just before.
local whole = tonumber(ARGV[6])
if whole >= 0 then free = math.max(free, now + ahead - whole) end
-- Neither a clock that was set back nor a rate that was raised makes anybody wait longer than from empty.
free = math.min(math.max(free, now), now + ahead)

-- A thousandth is far below one of anything, and above what rounding loses.
local there = math.floor((now + ahead - free) / per + 0.001)
local granted = 0
if there >= least then
    -- Plenty is handed out by the slice, and what is almost used up one by one: then nobody holds what others need.
    granted = math.max(least, math.min(most, math.floor(there / 2)))
    free = free + granted * per
end
if free > now then
    redis.call('SET', KEYS[1], string.format('%.0f', math.ceil(free)), 'PX', math.ceil((free - now) / 1000))
end
local wait = 0
if granted == 0 then wait = math.max(1, math.ceil(least * per - (now + ahead - free))) end
return { granted, wait }
