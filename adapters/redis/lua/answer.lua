-- The answer that tells a worker of the units that it is lent: texts with SEPARATOR between them, which no JSON and no name
-- has. It has about a megabyte, or one unit. See readClaims in WorkCode.ts.
local answer
do
  -- The texts, their number and their bytes.
  local lent, said, saidBytes = {}, 0, 0
  -- The run and step whose values were said last.
  local lentRun, lentStep

  -- How many values are said. The worker's process fetches more values, or more bytes than an answer has, itself.
  local MAX_VALUES = 500
  -- About how many bytes a name has.
  local NAME_BYTES = 20

  -- How many bytes of values to be fetched this act has looked at; how many bytes of values the last unit has, and whether
  -- they are to be fetched.
  local lookedBytes, valueBytes, isFetched = 0, 0, false

  -- Reads the values that a step is called with. Gives their bytes; of very many values, a guess of the bytes of their names.
  local function readValues(run, step, phase)
    local wanted = phase == PHASE.expand and step[STEP.expands][EXPANDS.lists] or step[STEP.reads]
    isFetched = #wanted > MAX_VALUES
    if isFetched then
      valueBytes = #wanted * NAME_BYTES
      return valueBytes
    end
    local fields = wanted.fields
    if not fields then
      fields = {}
      for k = 1, #wanted do fields[k] = fieldOf[wanted[k]] end
      wanted.fields = fields
    end
    getAll(run, fields)
    local bytes = 0
    for k = 1, #fields do
      local json = run.known[fields[k]]
      if json then bytes = bytes + #json end
    end
    isFetched = bytes > BOUND.replyBytes
    valueBytes = bytes
    return bytes
  end

  -- Bytes of the values that a unit has for itself: items kept from an earlier run, and what the items before it gave, in
  -- order.
  local function ownBytes(run, index, phase, items)
    local bytes = 0
    if phase == PHASE.expand then
      local kept = keptOf(run, index)
      return kept and #kept or 0
    end
    if items and items.plan[EXPANDS.inOrder] then
      for _, name in ipairs(items.plan[EXPANDS.outputs]) do
        bytes = bytes + #(get(items.hash, ITEMS.folded .. name) or '')
      end
    end
    return bytes
  end

  -- Whether a unit has the same values as the one that was lent before it.
  local function isSame(run, index, items)
    return lentRun == run and lentStep == index and not (items and items.plan[EXPANDS.inOrder])
  end

  -- Whether the answer has no room for a unit with so many bytes of values. It always has room for one.
  local function isFull(bytes) return said > 0 and lookedBytes + saidBytes + bytes > BOUND.replyBytes end

  local function say(part)
    said = said + 1
    lent[said] = part
    saidBytes = saidBytes + #part
  end

  -- Says the values of a unit: `=` for those of the unit before; or names only, where the values are to be fetched; and
  -- always the values that it has for itself.
  local function sayValues(run, index, step, phase, items)
    if isSame(run, index, items) then return say('=') end
    lentRun, lentStep = run, index
    local wanted = phase == PHASE.expand and step[STEP.expands][EXPANDS.lists] or step[STEP.reads]
    if isFetched then
      say('?' .. text[#wanted])
      for k = 1, #wanted do say(wanted[k]) end
      -- The answer does not have them, but the act has looked at them.
      lookedBytes = lookedBytes + valueBytes
    end
    said = said + 1
    local first = said
    if not isFetched then
      for k = 1, #wanted do
        local json = run.known[wanted.fields[k]]
        if json then
          lent[said + 1] = wanted[k]
          lent[said + 2] = json
          said = said + 2
          saidBytes = saidBytes + #json
        end
      end
    end
    local ofRun = said
    local kept = phase == PHASE.expand and keptOf(run, index)
    if kept then
      say(MARK.keptItems .. 'kept')
      say(kept)
    end
    if items and items.plan[EXPANDS.inOrder] then
      for _, name in ipairs(items.plan[EXPANDS.outputs]) do
        local folded = get(items.hash, ITEMS.folded .. name)
        if folded then
          say(name)
          say(folded)
        end
      end
    end
    lent[first] = text[(ofRun - first) / 2]
    if said > ofRun then lent[first] = lent[first] .. '+' .. text[(said - ofRun) / 2] end
  end

  answer = {
    readValues = readValues, ownBytes = ownBytes, isSame = isSame, isFull = isFull, say = say, sayValues = sayValues,
    text = function() return table.concat(lent, '\31') end
  }
end
