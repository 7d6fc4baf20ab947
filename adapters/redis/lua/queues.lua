-- Ready work: a list for each priority and version of a pipeline. An act sees what it has added and taken itself; the lists
-- change when it is committed.
local queues, lone, versionOf, counts, count, queueOf, ready, readyFirst, readyAlone, takeRef, putBack, sizeBefore, sizeNow, turnOf,
  arrangeQueues, writeQueues
do
  queues = {}

  versionOf = remembering(function(queue) return string.sub(queue, string.find(queue, '|', 1, true) + 1) end)

  -- How much work there is more of each version, and less: so many workers are woken.
  counts = {}

  function count(queue, by)
    local version = versionOf[queue]
    counts[version] = (counts[version] or 0) + by
  end

  -- front: what goes before the others; back: what goes behind them. `taken` of the list itself are gone. It is read in pages, of
  -- which the first has `many`.
  function queueOf(name)
    local queue = queues[name]
    if queue == nil then
      queue = { name = name, key = P .. 'q:' .. name, front = {}, first = 1, last = 0, back = {}, backFirst = 1, taken = 0, many = 100 }
      queues[name] = queue
    end
    return queue
  end

  function ready(ref, name)
    local back = queueOf(name).back
    back[#back + 1] = ref
    count(name, 1)
  end

  -- What goes before the others, in this order: steps of runs that have begun, and those who have waited for a limit. A run
  -- that has begun is brought to its end before others begin; and it is at hand here when its next step is lent.
  function readyFirst(ref, name)
    local queue = queueOf(name)
    queue.last = queue.last + 1
    queue.front[queue.last] = ref
    count(name, 1)
  end

  -- Units that run alone, which this act makes ready, by queue.
  lone = {}

  function readyAlone(ref, name)
    local refs = lone[name] or {}
    lone[name] = refs
    refs[#refs + 1] = ref
    count(name, 1)
  end

  -- The next of a queue, or nothing.
  function takeRef(queue)
    if queue.first <= queue.last then
      local ref = queue.front[queue.first]
      queue.front[queue.first] = nil
      queue.first = queue.first + 1
      return ref
    end
    if queue.page == nil or queue.place > #queue.page then
      if queue.page and #queue.page < queue.asked then
        local ref = queue.back[queue.backFirst]
        if ref then queue.backFirst = queue.backFirst + 1 end
        return ref
      end
      queue.asked = queue.asked and math.min(2 * queue.asked, 100) or queue.many
      queue.page = call('LRANGE', queue.key, queue.taken, queue.taken + queue.asked - 1)
      queue.place = 1
      return takeRef(queue)
    end
    local ref = queue.page[queue.place]
    queue.place = queue.place + 1
    queue.taken = queue.taken + 1
    return ref
  end

  -- One that was taken goes back to where it was.
  function putBack(queue, ref)
    if queue.page and queue.place > 1 and queue.page[queue.place - 1] == ref then
      queue.place = queue.place - 1
      queue.taken = queue.taken - 1
      return
    end
    queue.first = queue.first - 1
    queue.front[queue.first] = ref
  end

  function sizeBefore(queue)
    if not queue.size then queue.size = call('LLEN', queue.key) end
    return queue.size
  end

  function sizeNow(queue)
    return sizeBefore(queue) - queue.taken + (queue.last - queue.first + 1) + (#queue.back - queue.backFirst + 1)
  end

  function turnOf(name) return rank(tonumber(string.match(name, '^-?%d+')), nextSerial()) end

  -- Finds out where the queues stand among the others: one with something new, and one that was taken from, come last.
  function arrangeQueues()
    for name, queue in pairs(queues) do
      if sizeNow(queue) == 0 then
        queue.isEmpty = sizeBefore(queue) > 0 or queue.asked
      elseif sizeBefore(queue) == 0 or queue.isServed then
        queue.standing = queue.turn or turnOf(name)
      end
    end
  end

  -- Writes what changes of the lists. A list that does not stand among the ready ones gets nothing, and one that could not be
  -- emptied stays among them: what no queue has is found by the mender, but not a queue that no worker looks at.
  function writeQueues(write)
    for name, queue in pairs(queues) do
      local isTrimmed = queue.taken == 0 or write('LTRIM', queue.key, queue.taken, -1)
      if queue.isEmpty then
        if isTrimmed then write('ZREM', P .. 'ready', name) end
      elseif not queue.standing or write('ZADD', P .. 'ready', queue.standing, name) then
        local list = {}
        for place = queue.last, queue.first, -1 do list[#list + 1] = queue.front[place] end
        for from = 1, #list, 1000 do write('LPUSH', queue.key, unpack(list, from, math.min(from + 999, #list))) end
        local back = queue.back
        for from = queue.backFirst, #back, 1000 do
          write('RPUSH', queue.key, unpack(back, from, math.min(from + 999, #back)))
        end
      end
    end
    for name, refs in pairs(lone) do
      if write('ZADD', P .. 'alone', at, name) then
        for from = 1, #refs, 1000 do write('RPUSH', P .. 'a:' .. name, unpack(refs, from, math.min(from + 999, #refs))) end
      end
    end
  end
end
