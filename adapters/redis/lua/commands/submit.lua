-- How many runs may be unfinished, lifetime of idempotency keys; then the runs. Returns the places of runs that are not recorded,
-- each with its answer, and in how many milliseconds something is due.
local answers, from, place = {}, 3, 0
local maxUnfinished, keyMillis = tonumber(ARGV[1]), ARGV[2]
while from <= #ARGV do
  local answer = submit(from, maxUnfinished, keyMillis)
  if answer then answers[#answers + 1] = { place, answer } end
  from = pastOf(from)
  place = place + 1
end
countPlans()
return { answers, commit(nil) }
