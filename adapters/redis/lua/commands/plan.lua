-- A plan's digest; then the names and texts of the fields of its hash.
local key = prefix .. KEY.plan .. ARGV[1]
for k = 2, #ARGV, 1000 do call('HSET', key, unpack(ARGV, k, math.min(k + 999, #ARGV))) end
-- Until a run has it.
if not call('HGET', key, PLAN.runs) then call('EXPIRE', key, 3600) end
