-- run, place of the first line, bytes. Gives the header, how many lines were dropped, lines, and 1 at the end.
local from, left, found = tonumber(ARGV[2]), tonumber(ARGV[3]), {}
local run = call('HMGET', prefix .. KEY.run .. ARGV[1], RUN.header, RUN.dropped)
while left > 0 and #found < BOUND.reads do
  local some = call('LRANGE', prefix .. KEY.lines .. ARGV[1], from + #found, from + #found + 19)
  for _, line in ipairs(some) do
    found[#found + 1] = line
    left = left - #line
  end
  if #some < 20 then return { run[1], run[2], found, 1 } end
end
return { run[1], run[2], found, 0 }
