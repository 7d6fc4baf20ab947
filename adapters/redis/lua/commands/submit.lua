-- How many runs may be unfinished, how long a key names its run; then the runs, one after the other. Gives the places of
-- runs that are not recorded and why, and in how many milliseconds something is due.
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
