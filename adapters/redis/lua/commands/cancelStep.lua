-- run, step, reason, historyCount. Returns 0 when the run does not exist.
local run, index, reason = open(ARGV[1]), ARGV[2], ARGV[3]
if not run then return 0 end
local step = stepOf(run, index)
if isOver(run) or isStepOver(run, index) or get(run, OF_STEP.over .. index) or step[STEP.initial] then return 1 end
local attempts = string.match(get(run, leaseOf[index]) or '', '^%d+|(%d+)') or lookAt(run, index)[RECORD.attempts]
local name = step[STEP.name]
pushEvent(run, '["' .. EVENT.stepCancelled .. '",' .. nowText .. ',' .. index .. ',' .. attempts .. ',' .. reason .. ']')
local err = '{"#":"cancelled","step":' .. quote(name) .. ',"reason":' .. reason .. '}'
lose(run, index, err, "step '" .. name .. "' was cancelled")
commit(tonumber(ARGV[4]))
return 1
