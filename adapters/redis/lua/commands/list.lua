-- key, least and greatest score, limit, status (or nothing), pipeline (or nothing). Gives ids, and where it ends if more are left.
local P, call = KEYS[1], redis.call
local pipelines = {}
local function pipelineOf(header)
  local plan = string.match(header, '(%x+)$')
  if pipelines[plan] == nil then pipelines[plan] = string.match(call('HGET', P .. 'p:' .. plan, 'q') or '', '^[^:]*:(.*)$') or '' end
  return pipelines[plan]
end
local found, last, limit = {}, nil, tonumber(ARGV[4])
local top = ARGV[3]
while true do
  local page = call('ZREVRANGEBYSCORE', P .. ARGV[1], top, ARGV[2], 'WITHSCORES', 'LIMIT', 0, 200)
  for k = 1, #page, 2 do
    local header = call('HGET', P .. 'r:' .. page[k], 'h')
    if header and (ARGV[5] == '' or string.sub(header, 1, 1) == ARGV[5]) and (ARGV[6] == '' or pipelineOf(header) == ARGV[6]) then
      if #found == limit then return { found, last } end
      found[#found + 1] = page[k]
      last = string.format('%.0f', tonumber(page[k + 1]))
    end
  end
  if #page < 400 then return { found, '' } end
  top = '(' .. string.format('%.0f', tonumber(page[#page]))
end
