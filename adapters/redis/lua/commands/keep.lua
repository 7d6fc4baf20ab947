-- table, id, text, how many entries there may be, whether it replaces. Returns 1 when the text is kept, 0 when another entry has
-- its id, -1 when the table is full.
local key = prefix .. ARGV[1]
local isThere = call('HSTRLEN', key, ARGV[2]) > 0
if isThere and ARGV[5] ~= '1' then return 0 end
if not isThere and call('HLEN', key) >= tonumber(ARGV[4]) then return -1 end
call('HSET', key, ARGV[2], ARGV[3])
call('PUBLISH', prefix .. KEY.news, '{"' .. NEWS.tables .. '":1}')
return 1
