-- digest of a plan; then names and texts of fields of its hash.
local key = prefix .. KEY.plan .. ARGV[1]
local isUsed = call('HEXISTS', key, PLAN.runs) == 1
for from = 2, #ARGV, 1000 do call('HSET', key, unpack(ARGV, from, math.min(from + 999, #ARGV))) end
-- Expires after an hour unless a run uses it.
if not isUsed then call('EXPIRE', key, 3600) end
