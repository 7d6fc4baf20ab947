-- The reply with the claims of a worker: texts separated by SEPARATOR. It has about a megabyte, or a single claim. See
-- readClaims in WorkCode.ts.
local answer
do
  -- The texts, their number and their bytes.
  local sent, said, saidBytes = {}, 0, 0
  -- The run and step of the last values in the reply.
  local lastRun, lastStep

  -- How many values of a unit the reply may have. The worker's process fetches more values, or too many bytes, itself.
  local MAX_VALUES = 500
  -- About how many bytes a name has.
  local NAME_BYTES = 20

  -- How many bytes of values this act has read and left for the worker to fetch; how many bytes of values the last unit has,
  -- and whether the worker fetches them.
  local lookedBytes, valueBytes, isFetched = 0, 0, false

  -- Reads the inputs of a step. Returns their bytes; for very many values, an estimate of the bytes of their names.
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

  -- Bytes of the values that belong to the unit itself: items kept from an earlier run, and the results of the items before it.
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

  -- Whether a unit has the same values as the last granted unit.
  local function isSame(run, index, items)
    return lastRun == run and lastStep == index and not (items and items.plan[EXPANDS.inOrder])
  end

  -- Whether the reply has no room for a unit with so many bytes of values. It always has room for one unit.
  local function isFull(bytes) return said > 0 and lookedBytes + saidBytes + bytes > BOUND.replyBytes end

  local function say(part)
    said = said + 1
    sent[said] = part
    saidBytes = saidBytes + #part
  end

  -- Adds the values of a unit: `=` for those of the unit before; only their names if the worker fetches them; and always the
  -- unit's own values.
  local function sayValues(run, index, step, phase, items)
    if isSame(run, index, items) then return say('=') end
    lastRun, lastStep = run, index
    local wanted = phase == PHASE.expand and step[STEP.expands][EXPANDS.lists] or step[STEP.reads]
    if isFetched then
      say('?' .. text[#wanted])
      for k = 1, #wanted do say(wanted[k]) end
      -- The reply does not contain them, but the act has read them.
      lookedBytes = lookedBytes + valueBytes
    end
    said = said + 1
    local first = said
    if not isFetched then
      for k = 1, #wanted do
        local json = run.known[wanted.fields[k]]
        if json then
          sent[said + 1] = wanted[k]
          sent[said + 2] = json
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
    sent[first] = text[(ofRun - first) / 2]
    if said > ofRun then sent[first] = sent[first] .. '+' .. text[(said - ofRun) / 2] end
  end

  answer = {
    readValues = readValues, ownBytes = ownBytes, isSame = isSame, isFull = isFull, say = say, sayValues = sayValues,
    text = function() return table.concat(sent, '\31') end
  }
end
