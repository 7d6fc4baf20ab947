-- run. Gives 0 when there is no such run, -1 when it is not over.
local r = open(ARGV[1])
if not r then return 0 end
if not isOver(r) then return -1 end
local key = opt(r, 't')
if key then later('UNLINK', P .. 'key:' .. key) end
forget({ endedMember(r) })
commit(nil)
return 1
