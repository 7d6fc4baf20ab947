-- run, step, reason, historyCount. Gives 0 when there is no such run.
local run, index = open(ARGV[1]), ARGV[2]
if not run then return 0 end
if isOver(run) or isStepOver(run, index) or get(run, OF_STEP.over .. index) or stepOf(run, index)[STEP.initial] then return 1 end
local attempts = string.match(get(run, leaseOf[index]) or '', '^%d+|(%d+)') or lookAt(run, index)[RECORD.attempts]
local name = stepOf(run, index)[STEP.name]
pushEvent(run, '["' .. EVENT.stepCancelled .. '",' .. nowText .. ',' .. index .. ',' .. attempts .. ',' .. ARGV[3] .. ']')
lose(run, index, '{"#":"cancelled","step":' .. quote(name) .. ',"reason":' .. ARGV[3] .. '}', "step '" .. name .. "' was cancelled")
commit(tonumber(ARGV[4]))
return 1
