-- Takes from a rate that servers share: the generic cell rate algorithm, by the clock of this server alone.
-- KEYS[1]: the moment, in microseconds, when nothing that was taken is owed any more; behind it, for each server that
-- has asked of late, the number of its last question and what was answered.
-- ARGV: how many a minute; how many at once; the least that is of use; the most that is wanted; how many are given
-- back; how many are owed; for how many microseconds nothing can have been lost, or -1; who asks; the number of the
-- question.
-- Answers how many are granted, if none how many microseconds to wait, and how many of those owed are paid.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local per = 60000000 / ARGV[1]
local ahead = ARGV[2] * per
local least, most, owed = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[6])
local stored = redis.call('GET', KEYS[1]) or '0'

-- A question that is sent again, as its answer was lost on the way, is answered again and counts once.
local others, count = '', 0
for who, last in string.gmatch(stored, ';([^=]+)=([^;]+)') do
    if who ~= ARGV[8] then
        count = count + 1
        if count < 32 then others = others .. ';' .. who .. '=' .. last end
    else
        local number, granted, wait, paid = string.match(last, '(%d+),(%d+),(%d+),(%d+)')
        number = tonumber(number)
        if number == tonumber(ARGV[9]) then return { tonumber(granted), tonumber(wait), tonumber(paid) } end
        if number > tonumber(ARGV[9]) then return { 0, 1, 0 } end
    end
end

local free = tonumber(string.match(stored, '^[^;]+')) - ARGV[5] * per
-- What was taken before something was lost nobody knows: it counts as if all had been taken just before.
local whole = tonumber(ARGV[7])
if whole >= 0 then free = math.max(free, now + ahead - whole) end
-- Neither a clock that was set back nor a rate that was raised makes anybody wait longer than from empty.
free = math.min(math.max(free, now), now + ahead)

-- A thousandth is far below one of anything, and above what rounding loses.
local there = math.floor((now + ahead - free) / per + 0.001)
-- Whoever has used more than it took pays first.
local paid = math.min(owed, there)
free, there, owed = free + paid * per, there - paid, owed - paid
local granted = 0
if owed == 0 and there >= least then
    -- Plenty is handed out by the slice, and what is almost used up one by one: then nobody holds what others need.
    granted = math.max(least, math.min(most, math.floor(there / 2)))
    free = free + granted * per
end
local wait = 0
if granted == 0 then wait = math.max(1, math.ceil((least + owed) * per - (now + ahead - free))) end
if free > now then
    local answer = string.format(';%s=%s,%.0f,%.0f,%.0f', ARGV[8], ARGV[9], granted, wait, paid)
    local value = string.format('%.0f', math.ceil(free)) .. answer .. others
    -- A question may come again although nothing is owed any more: its answer is kept for longer than anybody asks.
    redis.call('SET', KEYS[1], value, 'PX', math.max(math.ceil((free - now) / 1000), 5000))
end
return { granted, wait, paid }
