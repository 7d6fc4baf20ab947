-- run. Removes an ended run. Returns 0 when the run does not exist, -1 when it has not ended.
isFreeing = true
local run = open(ARGV[1])
if not run then return 0 end
if not isOver(run) then return -1 end
local name = optional(run, RUN.named)
if name then
  -- The idempotency key may have expired, and name another run now.
  local named = call('GET', prefix .. KEY.named .. name)
  if named and string.match(named, '^[^\n]*') == run.id then later('UNLINK', prefix .. KEY.named .. name) end
end
forget({ endedMember(run) })
commit(nil)
return 1
