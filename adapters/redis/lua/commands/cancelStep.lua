-- run, step, reason, historyCount. Gives 0 when there is no such run.
local r, i = open(ARGV[1]), ARGV[2]
if not r then return 0 end
if isOver(r) or isStepOver(r, i) or get(r, 'o' .. i) or stepOf(r, i).i then return 1 end
local attempts = string.match(get(r, leaseOf[i]) or '', '^%d+|(%d+)') or lookAt(r, i).a
local name = stepOf(r, i).n
push(r, '["SX",' .. at .. ',' .. i .. ',' .. attempts .. ',' .. ARGV[3] .. ']')
lose(r, i, '{"#":"cancelled","step":' .. quote(name) .. ',"reason":' .. ARGV[3] .. '}', "step '" .. name .. "' was cancelled")
commit(tonumber(ARGV[4]))
return 1
