-- run. Gives 0 when there is no such run, -1 when it is not over.
isFreeing = true
local run = open(ARGV[1])
if not run then return 0 end
if not isOver(run) then return -1 end
local key = optional(run, RUN.named)
if key then later('UNLINK', prefix .. KEY.named .. key) end
forget({ endedMember(run) })
commit(nil)
return 1
