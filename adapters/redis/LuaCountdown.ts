/** Which steps of a run are ready, and which can't run any more: as `core/Countdown.ts` does it in memory. */
export const COUNTDOWN: string = String.raw`
local function release(r, i)
  local step = stepOf(r, i)
  local isOpen = r.o
  local there = 1
  if step.w > 1 or not isOpen then
    there = tonumber(get(r, 'w' .. i) or 0) + 1
    set(r, 'w' .. i, there)
  end
  if not isOpen then
    setOpt(r, 'y', '1')
  elseif there == step.w and not (r.x and get(r, 'o' .. i)) then
    readyFirst(r.id .. ':' .. i, r.q)
  end
end

local function over(r, i)
  set(r, 'o' .. i, '1')
  head(r, 'n', r.n - 1)
end

-- skipping: cause, reason (JSON), all (whether nothing that waits for it can do without)
local function skip(r, i, skipping)
  if get(r, 'o' .. i) then return false end
  local branch = stepOf(r, i).b
  if skipping.cause == 'failure' and branch and not get(r, 'o' .. branch) then
    set(r, 'm' .. i, cjson.encode(skipping))
    return false
  end
  head(r, 'x', true)
  over(r, i)
  push(r, '["SK",' .. at .. ',' .. i .. ',0,"' .. skipping.cause .. '",' .. skipping.reason .. ']')
  return true
end

local function spreadLoss(r, from, skipping)
  while #from > 0 do
    local i = table.remove(from)
    local step = stepOf(r, i)
    if skipping.cause == 'failure' and step.v then setOpt(r, 'b', '1') end
    if step.l == nil or skipping.all then
      for _, other in ipairs(step.r) do
        if skip(r, other, skipping) then from[#from + 1] = other end
      end
    else
      for _, loss in ipairs(step.l) do
        local other, group = loss[1], loss[2]
        local isLost = group == -1
        if not isLost then
          local field = 'g' .. other .. ':' .. group
          local left = tonumber(get(r, field) or stepOf(r, other).g[group + 1]) - 1
          set(r, field, left)
          isLost = left == 0
        end
        if isLost and skip(r, other, skipping) then from[#from + 1] = other end
      end
      for _, other in ipairs(step.r) do release(r, other) end
    end
  end
end

local function countDown(r, i, arm)
  local step = stepOf(r, i)
  -- Of a branch it has to be known later; of any other step, nobody asks.
  if step.a then over(r, i) else head(r, 'n', r.n - 1) end
  if arm and step.a then
    local skipping = { cause = 'branch', all = false, reason = quote("branch '" .. step.n .. "' took '" .. arm .. "'") }
    local skipped = {}
    for _, other in ipairs(step.a[arm == 'yes' and 'no' or 'yes']) do
      if skip(r, other, skipping) then skipped[#skipped + 1] = other end
    end
    spreadLoss(r, skipped, skipping)
    for _, other in ipairs(step.a[arm]) do
      local doom = get(r, 'm' .. other)
      if doom then
        doom = cjson.decode(doom)
        if skip(r, other, doom) then spreadLoss(r, { other }, doom) end
      end
    end
  end
  for _, other in ipairs(step.r) do release(r, other) end
end
`
