-- For each note: unit, token, attempt, done and total (or nothing), the line (or nothing), how many were lost before.
for k = 1, #ARGV, 7 do
  local id, index, item = parse(ARGV[k])
  local run = open(id)
  if run then
    if ARGV[k + 3] ~= '' and item == nil and not isOver(run) then
      local lease = get(run, leaseOf[index])
      if lease and string.match(lease, '^%d+') == ARGV[k + 1] then
        progress(run, index, tonumber(ARGV[k + 2]), tonumber(ARGV[k + 3]), tonumber(ARGV[k + 4]))
      end
    end
    local dropped = tonumber(ARGV[k + 6])
    if ARGV[k + 5] ~= '' then
      local lines = prefix .. KEY.lines .. id
      run.lines = (run.lines or call('LLEN', lines)) + 1
      later('RPUSH', lines, '[' .. nowText .. ',' .. ARGV[k + 5] .. ']')
      if run.lines > 1000 then
        dropped = dropped + run.lines - 1000
        run.lines = 1000
        later('LTRIM', lines, -1000, -1)
      end
    end
    if dropped > 0 then set(run, RUN.dropped, tonumber(get(run, RUN.dropped) or 0) + dropped) end
  end
end
commit(nil)
