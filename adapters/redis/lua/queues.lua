-- Ready units: a queue for each priority and version of a pipeline. An act sees its own changes at once; `commit` writes them
-- to the lists.
local queues, lone, versionOf, counts, count, queueOf, ready, readyFirst, readyAlone, takeRef, putBack, sizeBefore,
  sizeNow, turnOf, arrangeQueues, writeQueues
do
  queues = {}

  versionOf = remembering(function(queue) return string.sub(queue, string.find(queue, '|', 1, true) + 1) end)

  -- How many ready units the act has added for each version: that many workers are woken.
  counts = {}

  function count(queue, by)
    local version = versionOf[queue]
    counts[version] = (counts[version] or 0) + by
  end

  -- A queue as this act sees it: `front`, then the list without its first `taken` units, then `back`. The list is read in
  -- pages; the first page has `many` units.
  function queueOf(name)
    local queue = queues[name]
    if queue == nil then
      queue = {
        name = name, key = prefix .. KEY.queue .. name, front = {}, first = 1, last = 0, back = {}, backFirst = 1, taken = 0,
        many = 100
      }
      queues[name] = queue
    end
    return queue
  end

  function ready(ref, name)
    local back = queueOf(name).back
    back[#back + 1] = ref
    count(name, 1)
  end

  -- Puts a unit at the front of its queue: a step of a run that has begun, or a unit that has waited for a limit. So runs that
  -- have begun end before others begin.
  function readyFirst(ref, name)
    local queue = queueOf(name)
    queue.last = queue.last + 1
    queue.front[queue.last] = ref
    count(name, 1)
  end

  -- Units to run alone that this act has made ready, by queue.
  lone = {}

  function readyAlone(ref, name)
    local refs = lone[name] or {}
    lone[name] = refs
    refs[#refs + 1] = ref
    count(name, 1)
  end

  -- Takes the next unit of a queue; nil when the queue is empty.
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

  -- Puts back a unit that was just taken.
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

  -- Computes the new places of queues in KEY.ready: a queue that was empty or was just served goes last.
  function arrangeQueues()
    for name, queue in pairs(queues) do
      if sizeNow(queue) == 0 then
        queue.isEmpty = sizeBefore(queue) > 0 or queue.asked
      elseif sizeBefore(queue) == 0 or queue.isServed then
        queue.standing = queue.turn or turnOf(name)
      end
    end
  end

  -- Writes the changes of the lists. A queue gets no units if Redis refuses its place in KEY.ready, and keeps that place if its
  -- list can't be trimmed: the mender finds units that are in no queue, but not queues that no worker visits.
  function writeQueues(write)
    for name, queue in pairs(queues) do
      local isTrimmed = queue.taken == 0 or write('LTRIM', queue.key, queue.taken, -1)
      if queue.isEmpty then
        if isTrimmed then write('ZREM', prefix .. KEY.ready, name) end
      elseif not queue.standing or write('ZADD', prefix .. KEY.ready, queue.standing, name) then
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
      if write('ZADD', prefix .. KEY.alone, nowText, name) then
        for from = 1, #refs, 1000 do
          write('RPUSH', prefix .. KEY.aloneQueue .. name, unpack(refs, from, math.min(from + 999, #refs)))
        end
      end
    end
  end
end
