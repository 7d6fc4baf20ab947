-- For each note: unit, token, attempt, done and total (or nothing), the line (or nothing), how many were lost before.
for k = 1, #ARGV, 7 do
  local id, i, item = parse(ARGV[k])
  local r = open(id)
  if r then
    if ARGV[k + 3] ~= '' and item == nil and not isOver(r) then
      local lease = get(r, leaseOf[i])
      if lease and string.match(lease, '^%d+') == ARGV[k + 1] then
        progress(r, i, tonumber(ARGV[k + 2]), tonumber(ARGV[k + 3]), tonumber(ARGV[k + 4]))
      end
    end
    local dropped = tonumber(ARGV[k + 6])
    if ARGV[k + 5] ~= '' then
      local lines = P .. 'g:' .. id
      r.lines = (r.lines or call('LLEN', lines)) + 1
      later('RPUSH', lines, '[' .. at .. ',' .. ARGV[k + 5] .. ']')
      if r.lines > 1000 then
        dropped = dropped + r.lines - 1000
        r.lines = 1000
        later('LTRIM', lines, -1000, -1)
      end
    end
    if dropped > 0 then set(r, 'D', tonumber(get(r, 'D') or 0) + dropped) end
  end
end
commit(nil)
