-- run, reason, historyCount. Gives 0 when there is no such run.
local r = open(ARGV[1])
if not r then return 0 end
if not isOver(r) then finishAs(r, 'X', '["RX",' .. at .. ',' .. ARGV[2] .. ']') end
commit(tonumber(ARGV[3]))
return 1
