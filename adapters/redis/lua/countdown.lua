-- Which steps of a run are ready, and which can't run any more. In memory, core's Countdown does the same. The end of a step
-- puts entries on an agenda. One act works off a bounded part of it; the rest goes to KEY.todo for the next ticks. RUN.todo
-- counts the entries of a run there.
local enter, over, hasTodo, kinds, countDown, workOffAll, todo, keepTodo
do
  -- The agenda is a linked list: its first and last entry; and the newest entry that the current entry has added, which is
  -- inserted right behind the current one.
  local first, last, newest

  -- Puts an entry on the agenda: an act of `kinds` on a step. The members before `from` are done already.
  function enter(run, what, index, more, from)
    local entry = { run = run, what = what, index = index, from = from or 1, more = more, next = false }
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

  local function release(run, index)
    local step = stepOf(run, index)
    local isOpen = run.isOpen
    local there = 1
    if step[STEP.waits] > 1 or not isOpen then
      there = tonumber(get(run, OF_STEP.inputs .. index) or 0) + 1
      set(run, OF_STEP.inputs .. index, there)
    end
    if not isOpen then
      setOptional(run, RUN.wasReleased, '1')
    elseif there == step[STEP.waits] and not (run.hasLost and get(run, OF_STEP.over .. index)) then
      readyFirst(run.id .. ':' .. index, run.kind.queue)
    end
  end

  function over(run, index)
    set(run, OF_STEP.over .. index, '1')
    setHead(run, 'stepsLeft', run.stepsLeft - 1)
  end

  -- `skipping` has cause, reason (JSON), and `all`: whether to skip even steps that have other inputs to use.
  local function skip(run, index, skipping)
    if get(run, OF_STEP.over .. index) then return end
    local branch = stepOf(run, index)[STEP.branch]
    if skipping.cause == 'failure' and branch and not get(run, OF_STEP.over .. branch) then
      set(run, OF_STEP.doom .. index, cjson.encode(skipping))
      return
    end
    setHead(run, 'hasLost', true)
    over(run, index)
    pushEvent(run, '["' .. EVENT.stepSkipped .. '",' .. nowText .. ',' .. index .. ',0,"' .. skipping.cause .. '",'
      .. skipping.reason .. ']')
    enter(run, 'spread', index, skipping)
  end

  -- Whether entries of a run wait in KEY.todo. Later entries go behind these.
  function hasTodo(run) return has(run, RUN.todo) and tonumber(optional(run, RUN.todo) or 0) > 0 end

  -- The kinds of entries. Each calls `each` with every member of a list, or with every number up to a size.
  kinds = {}

  -- A step has ended: it releases the steps that wait for it.
  kinds.release = {
    list = function(run, index) return stepOf(run, index)[STEP.releases] end,
    each = function(run, _, other) release(run, other) end
  }

  -- A step has ended without an output: the steps that need it are skipped.
  kinds.spread = {
    begin = function(run, index, skipping)
      local step = stepOf(run, index)
      if skipping.cause == 'failure' and step[STEP.isVital] then setOptional(run, RUN.lacksVital, '1') end
      if step[STEP.losses] and not skipping.all then enter(run, 'release', index) end
    end,
    list = function(run, index, skipping)
      local step = stepOf(run, index)
      return skipping.all and step[STEP.releases] or step[STEP.losses] or step[STEP.releases]
    end,
    each = function(run, _, member, skipping)
      if type(member) ~= 'table' then return skip(run, member, skipping) end
      local other, group = member[1], member[2]
      local isLost = group == -1
      if not isLost then
        local field = OF_STEP.givers .. other .. ':' .. group
        local left = tonumber(get(run, field) or stepOf(run, other)[STEP.groups][group + 1]) - 1
        set(run, field, left)
        isLost = left == 0
      end
      if isLost then skip(run, other, skipping) end
    end
  }

  -- A branch has taken an arm: the steps of the other arm are skipped,
  kinds.arm = {
    list = function(run, index, arm) return stepOf(run, index)[STEP.arms][arm == 'yes' and 'no' or 'yes'] end,
    each = function(run, index, other, arm)
      local reason = quote("branch '" .. stepOf(run, index)[STEP.name] .. "' took '" .. arm .. "'")
      skip(run, other, { cause = 'branch', all = false, reason = reason })
    end
  }
  -- and the steps of its own arm that lack an input.
  kinds.doom = {
    list = function(run, index, arm) return stepOf(run, index)[STEP.arms][arm] end,
    each = function(run, _, other)
      local doom = get(run, OF_STEP.doom .. other)
      if doom then skip(run, other, cjson.decode(doom)) end
    end
  }

  -- A run begins: its first steps are ready.
  kinds.open = {
    list = function(run) return run.plan.first end,
    each = function(run, _, index) ready(run.id .. ':' .. index, run.kind.queue) end
  }

  -- A run begins that has released steps before.
  kinds.reopen = {
    size = function(run) return run.plan.size end,
    each = function(run, _, place)
      local index = fmt(place - 1)
      local step = stepOf(run, index)
      local there = tonumber(get(run, OF_STEP.inputs .. index) or 0)
      if there == step[STEP.waits] and not step[STEP.initial] and not get(run, OF_STEP.over .. index) then
        ready(run.id .. ':' .. index, run.kind.queue)
      end
    end
  }

  -- How many steps this act has made ready without reading them.
  local unseen = 0

  -- A step has completed; a branch takes an arm.
  function countDown(run, index, arm)
    local step = stepOf(run, index)
    local released = step[STEP.releases]
    -- The lease field says that a step has completed. The arms of a branch need to know it later, too.
    if step[STEP.arms] then over(run, index) else setHead(run, 'stepsLeft', run.stepsLeft - 1) end
    if arm and step[STEP.arms] then
      enter(run, 'arm', index, arm)
      enter(run, 'doom', index, arm)
    end
    local isSimple = step[STEP.isSoleInput] and run.isOpen and not run.hasLost and not hasTodo(run)
    if isSimple and unseen + #released <= BOUND.looks then
      -- The released steps wait for nothing else, so they are ready without reading them.
      unseen = unseen + #released
      for _, other in ipairs(released) do readyFirst(run.id .. ':' .. other, run.kind.queue) end
    elseif #released > 0 then
      enter(run, 'release', index)
    end
    if run.stepsLeft == 0 or arm then enter(run, 'finish') end
  end

  -- Works off an entry, or a part of it. Returns the number of members, and sets `isDone` when the entry is done.
  local function workOff(entry, most)
    local run, kind = entry.run, kinds[entry.what]
    if isOver(run) and not kind.isOfEnded then
      entry.isDone = true
      return 1
    end
    if kind.begin and entry.from == 1 then kind.begin(run, entry.index, entry.more) end
    local list = kind.list and kind.list(run, entry.index, entry.more)
    local size = list and #list or (kind.size and kind.size(run, entry.index)) or 1
    local lastPlace = math.min(size, entry.from + most - 1)
    for place = entry.from, lastPlace do
      kind.each(run, entry.index, list and list[place] or place, entry.more)
    end
    entry.isDone = lastPlace >= size
    local worked = lastPlace - entry.from + 2
    entry.from = lastPlace + 1
    return worked
  end

  -- Works off as much of the agenda as one act may. Entries of runs with older entries in KEY.todo wait. Returns the entries that
  -- are left.
  function workOffAll(isOfTodo)
    local looks = 0
    local left = {}
    while first do
      local entry = first
      if looks >= BOUND.looks or (not isOfTodo and hasTodo(entry.run)) then
        left[#left + 1] = entry
        first = entry.next or nil
      else
        newest = entry
        looks = looks + workOff(entry, BOUND.looks - looks)
        newest = nil
        if entry.isDone then first = entry.next or nil end
      end
    end
    return left
  end

  todo = {}

  function keepTodo(left, command)
    local start = command == 'LPUSH' and #left or 1
    local step = command == 'LPUSH' and -1 or 1
    for k = start, #left - start + 1, step do
      local entry = left[k]
      local run = entry.run
      setOptional(run, RUN.todo, fmt(tonumber(optional(run, RUN.todo) or 0) + 1))
      local json = cjson.encode({ run.id, entry.what, entry.index or '', entry.from, entry.more or false })
      todo[#todo + 1] = { command, prefix .. KEY.todo, json }
    end
    if #left > 0 then soonest = now end
  end
end
