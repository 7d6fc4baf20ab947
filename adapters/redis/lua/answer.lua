-- What a worker is told of the units that it is lent, in texts with U+001F between them, which no JSON and no name has; and how
-- many bytes the act has looked at for that. An answer has about a megabyte, or one unit.
local answer
do
  -- The texts, how many these are, and their bytes.
  local lent, said, saidBytes = {}, 0, 0
  -- Of which step the values were said last.
  local lentRun, lentStep

  -- More values than this, or more bytes than fit in an answer, are fetched by the process that the step is lent to.
  local MAX_VALUES = 500
  -- About how many bytes a name has.
  local NAME_BYTES = 20

  -- How many bytes of values that are fetched this act has looked at; how many the step has that was read last, and whether
  -- these are fetched.
  local lookedBytes, valueBytes, isFetched = 0, 0, false

  -- Reads the values that a step is called with. Gives how many bytes they have; of very many, a guess of what their names have.
  local function readValues(r, step, phase)
    local wanted = phase == 'E' and step.x.s or step.d
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
    getAll(r, fields)
    local bytes = 0
    for k = 1, #fields do
      local json = r.c[fields[k]]
      if json then bytes = bytes + #json end
    end
    isFetched = bytes > MAX_REPLY
    valueBytes = bytes
    return bytes
  end

  -- Bytes of what the items before one have come to, where they go in order, and of those that are kept from an earlier run.
  local function ownBytes(r, i, phase, x)
    local bytes = 0
    if phase == 'E' then
      local kept = keptOf(r, i)
      return kept and #kept or 0
    end
    if x and x.plan.o then
      for _, name in ipairs(x.plan.u) do bytes = bytes + #(get(x.hash, 'f' .. name) or '') end
    end
    return bytes
  end

  -- Whether a unit has the same values as the one that was lent before it.
  local function isSame(r, i, x) return lentRun == r and lentStep == i and not (x and x.plan.o) end

  -- Whether a unit with so many bytes of values has no room in the answer any more. One alone always has.
  local function isFull(bytes) return said > 0 and lookedBytes + saidBytes + bytes > MAX_REPLY end

  local function say(part)
    said = said + 1
    lent[said] = part
    saidBytes = saidBytes + #part
  end

  -- With which values a unit is lent: the same as the one before, where it is of the same step; or, where they are to be fetched,
  -- only what they are called. Those that it has by itself are always said.
  local function sayValues(r, i, step, phase, x)
    if isSame(r, i, x) then return say('=') end
    lentRun, lentStep = r, i
    local wanted = phase == 'E' and step.x.s or step.d
    if isFetched then
      say('?' .. text[#wanted])
      for k = 1, #wanted do say(wanted[k]) end
      -- They are no part of the answer, but the act has looked at them.
      lookedBytes = lookedBytes + valueBytes
    end
    said = said + 1
    local first = said
    if not isFetched then
      for k = 1, #wanted do
        local json = r.c[wanted.fields[k]]
        if json then
          lent[said + 1] = wanted[k]
          lent[said + 2] = json
          said = said + 2
          saidBytes = saidBytes + #json
        end
      end
    end
    local ofRun = said
    local kept = phase == 'E' and keptOf(r, i)
    if kept then
      say('\1kept')
      say(kept)
    end
    if x and x.plan.o then
      for _, name in ipairs(x.plan.u) do
        local folded = get(x.hash, 'f' .. name)
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
