-- run. Forgets a run that has ended. Gives 0 when there is no such run, -1 when it has not ended.
isFreeing = true
local run = open(ARGV[1])
if not run then return 0 end
if not isOver(run) then return -1 end
local name = optional(run, RUN.named)
if name then
  -- After it has expired, a key may name another run.
  local named = call('GET', prefix .. KEY.named .. name)
  if named and string.match(named, '^[^\n]*') == run.id then later('UNLINK', prefix .. KEY.named .. name) end
end
forget({ endedMember(run) })
commit(nil)
return 1
