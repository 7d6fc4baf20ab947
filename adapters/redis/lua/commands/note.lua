-- For each note: unit, token, attempt, done and total (or empty), line (or empty), how many lines the worker has dropped before.
local MAX_LINES = 1000
for from = 1, #ARGV, 7 do
  local ref, token, attempt, done, total, line = unpack(ARGV, from, from + 5)
  local dropped = tonumber(ARGV[from + 6])
  local id, index, item = parse(ref)
  local run = open(id)
  if run then
    if done ~= '' and item == nil and not isOver(run) then
      local lease = get(run, leaseOf[index])
      if lease and string.match(lease, '^%d+') == token then
        progress(run, index, tonumber(attempt), tonumber(done), tonumber(total))
      end
    end
    if line ~= '' then
      local key = prefix .. KEY.lines .. id
      run.lines = (run.lines or call('LLEN', key)) + 1
      later('RPUSH', key, '[' .. nowText .. ',' .. line .. ']')
      if run.lines > MAX_LINES then
        dropped = dropped + run.lines - MAX_LINES
        run.lines = MAX_LINES
        later('LTRIM', key, -MAX_LINES, -1)
      end
    end
    if dropped > 0 then set(run, RUN.dropped, tonumber(get(run, RUN.dropped) or 0) + dropped) end
  end
end
commit(nil)
