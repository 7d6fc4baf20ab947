-- run, reason, historyCount. Returns 0 when the run does not exist.
local run, reason = open(ARGV[1]), ARGV[2]
if not run then return 0 end
if not isOver(run) then
  finishAs(run, STATUS.cancelled, '["' .. EVENT.runCancelled .. '",' .. nowText .. ',' .. reason .. ']')
end
commit(tonumber(ARGV[3]))
return 1
