-- maxValueBytes, historyCount. Works off entries of KEY.todo. Returns in how many milliseconds something is due.
maxValueBytes = tonumber(ARGV[1])
local MANY_ENTRIES = 100
local found = call('LRANGE', prefix .. KEY.todo, 0, MANY_ENTRIES - 1)
if #found == 0 then return '' end
for _, json in ipairs(found) do
  local id, what, index, from, more = unpack(cjson.decode(json))
  local run = open(id)
  if run then
    setOptional(run, RUN.todo, fmt(tonumber(optional(run, RUN.todo) or 1) - 1))
    enter(run, what, index ~= '' and index or nil, more or nil, from)
  end
end
todo[#todo + 1] = { 'LTRIM', prefix .. KEY.todo, #found, -1 }
keepTodo(workOffAll(true), 'LPUSH')
if #found == MANY_ENTRIES then soonest = now end
return commit(tonumber(ARGV[2]))
