-- Which steps of a run are ready, and which can't run any more: as core's Countdown does it in memory. What the end of a
-- step sets going is worked off from an agenda, so much in one act. The rest waits in the list `todo` for the next ticks; a
-- run's optional field `W` says how many entries it has there.
local enter, over, hasTodo, kinds, countDown, workOffAll, todo, keepTodo
do
  -- The first and the last entry, each with the next one; those that the entry under way makes come right behind it.
  local first, last, newest

  -- Enters what is to be done with a step; the members before `from` are done already.
  function enter(r, what, i, more, from)
    local entry = { r = r, what = what, i = i, from = from or 1, more = more, next = false }
    if first == nil then
      first, last = entry, entry
    elseif newest then
      entry.next = newest.next
      newest.next = entry
      if newest == last then last = entry end
      newest = entry
    else
      last.next = entry
      last = entry
    end
  end

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
      readyFirst(r.id .. ':' .. i, r.kind.queue)
    end
  end

  function over(r, i)
    set(r, 'o' .. i, '1')
    head(r, 'n', r.n - 1)
  end

  -- skipping: cause, reason (JSON), all (whether nothing that waits for it can do without)
  local function skip(r, i, skipping)
    if get(r, 'o' .. i) then return end
    local branch = stepOf(r, i).b
    if skipping.cause == 'failure' and branch and not get(r, 'o' .. branch) then
      set(r, 'm' .. i, cjson.encode(skipping))
      return
    end
    head(r, 'x', true)
    over(r, i)
    push(r, '["SK",' .. at .. ',' .. i .. ',0,"' .. skipping.cause .. '",' .. skipping.reason .. ']')
    enter(r, 'spread', i, skipping)
  end

  -- Whether entries of a run wait in `todo`: later ones come behind these.
  function hasTodo(r) return has(r, 'W') and tonumber(opt(r, 'W') or 0) > 0 end

  -- What the entries of the agenda do, with each member of a list or each number up to a size.
  kinds = {}

  -- A step has ended: those that wait for it are released.
  kinds.release = {
    list = function(r, i) return stepOf(r, i).r end,
    each = function(r, _, other) release(r, other) end
  }

  -- A step has ended without an output: those that can't do without it are skipped.
  kinds.spread = {
    begin = function(r, i, skipping)
      local step = stepOf(r, i)
      if skipping.cause == 'failure' and step.v then setOpt(r, 'b', '1') end
      if step.l and not skipping.all then enter(r, 'release', i) end
    end,
    list = function(r, i, skipping)
      local step = stepOf(r, i)
      return skipping.all and step.r or step.l or step.r
    end,
    each = function(r, _, member, skipping)
      if type(member) ~= 'table' then return skip(r, member, skipping) end
      local other, group = member[1], member[2]
      local isLost = group == -1
      if not isLost then
        local field = 'g' .. other .. ':' .. group
        local left = tonumber(get(r, field) or stepOf(r, other).g[group + 1]) - 1
        set(r, field, left)
        isLost = left == 0
      end
      if isLost then skip(r, other, skipping) end
    end
  }

  -- A branch has taken an arm: the steps of the other one are skipped,
  kinds.arm = {
    list = function(r, i, arm) return stepOf(r, i).a[arm == 'yes' and 'no' or 'yes'] end,
    each = function(r, i, other, arm)
      local reason = quote("branch '" .. stepOf(r, i).n .. "' took '" .. arm .. "'")
      skip(r, other, { cause = 'branch', all = false, reason = reason })
    end
  }
  -- and those of its own that lack an input.
  kinds.doom = {
    list = function(r, i, arm) return stepOf(r, i).a[arm] end,
    each = function(r, _, other)
      local doom = get(r, 'm' .. other)
      if doom then skip(r, other, cjson.decode(doom)) end
    end
  }

  -- A run begins: the steps that wait for nothing are ready.
  kinds.open = {
    list = function(r) return r.plan.first end,
    each = function(r, _, i) ready(r.id .. ':' .. i, r.kind.queue) end
  }

  -- The same of a run in which steps were released before.
  kinds.reopen = {
    size = function(r) return r.plan.size end,
    each = function(r, _, place)
      local i = fmt(place - 1)
      local step = stepOf(r, i)
      local there = tonumber(get(r, 'w' .. i) or 0)
      if there == step.w and not step.i and not get(r, 'o' .. i) then ready(r.id .. ':' .. i, r.kind.queue) end
    end
  }

  -- How many steps this act has made ready without looking at them.
  local unseen = 0

  -- A step has completed; a branch takes an arm.
  function countDown(r, i, arm)
    local step = stepOf(r, i)
    -- Of a branch it has to be known later; of any other step, its lease says so.
    if step.a then over(r, i) else head(r, 'n', r.n - 1) end
    if arm and step.a then
      enter(r, 'arm', i, arm)
      enter(r, 'doom', i, arm)
    end
    if step.f and r.o and not r.x and not hasTodo(r) and unseen + #step.r <= MAX_LOOKS then
      -- All that wait for it wait for nothing else, so none has to be looked at.
      unseen = unseen + #step.r
      for _, other in ipairs(step.r) do readyFirst(r.id .. ':' .. other, r.kind.queue) end
    elseif #step.r > 0 then
      enter(r, 'release', i)
    end
    if r.n == 0 or arm then enter(r, 'finish') end
  end

  -- Works off one entry, or begins to. Gives how many members that were; whether it is done shows in its `isDone`.
  local function workOff(entry, most)
    local r, kind = entry.r, kinds[entry.what]
    if isOver(r) and not kind.isOfEnded then
      entry.isDone = true
      return 1
    end
    if kind.begin and entry.from == 1 then kind.begin(r, entry.i, entry.more) end
    local list = kind.list and kind.list(r, entry.i, entry.more)
    local size = list and #list or (kind.size and kind.size(r, entry.i)) or 1
    local last = math.min(size, entry.from + most - 1)
    for place = entry.from, last do
      kind.each(r, entry.i, list and list[place] or place, entry.more)
    end
    entry.isDone = last >= size
    local worked = last - entry.from + 2
    entry.from = last + 1
    return worked
  end

  -- Works off the agenda as far as one act may; of runs that have entries in `todo`, nothing. What is left goes to `todo`:
  -- before all that is there when it came from there, else behind it.
  function workOffAll(isOfTodo)
    local looks = 0
    local left = {}
    while first do
      local entry = first
      if looks >= MAX_LOOKS or (not isOfTodo and hasTodo(entry.r)) then
        left[#left + 1] = entry
        first = entry.next or nil
      else
        newest = entry
        looks = looks + workOff(entry, MAX_LOOKS - looks)
        newest = nil
        if entry.isDone then first = entry.next or nil end
      end
    end
    return left
  end

  todo = {}

  function keepTodo(left, command)
    local first = command == 'LPUSH' and #left or 1
    local step = command == 'LPUSH' and -1 or 1
    for k = first, #left - first + 1, step do
      local entry = left[k]
      local r = entry.r
      setOpt(r, 'W', fmt(tonumber(opt(r, 'W') or 0) + 1))
      todo[#todo + 1] =
        { command, P .. 'todo', cjson.encode({ r.id, entry.what, entry.i or '', entry.from, entry.more or false }) }
    end
    if #left > 0 then soonest = now end
  end
end
