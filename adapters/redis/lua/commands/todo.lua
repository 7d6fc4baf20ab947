-- maxValueBytes, historyCount. Works off what acts have left to be done. Gives in how many milliseconds something is due.
maxValueBytes = tonumber(ARGV[1])
local found = call('LRANGE', P .. 'todo', 0, 99)
if #found == 0 then return '' end
for _, json in ipairs(found) do
  local id, what, i, from, more = unpack(cjson.decode(json))
  local r = open(id)
  if r then
    setOpt(r, 'W', fmt(tonumber(opt(r, 'W') or 1) - 1))
    enter(r, what, i ~= '' and i or nil, more or nil, from)
  end
end
todo[#todo + 1] = { 'LTRIM', P .. 'todo', #found, -1 }
keepTodo(workOffAll(true), 'LPUSH')
if #found == 100 then soonest = now end
return commit(tonumber(ARGV[2]))
