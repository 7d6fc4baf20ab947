-- cursor. Returns the next cursor (`0` at the end), and of leases that are held: unit and token, lease, and header of the run.
local cursor, found, looks = ARGV[1], {}, 0
repeat
  local next, page = unpack(call('ZSCAN', prefix .. KEY.leases, cursor, 'COUNT', 20))
  cursor = next
  for at = 1, #page, 2 do
    local id, index, item = string.match(page[at], '^([^:]+):(%d+):?(%d*)|')
    local run = prefix .. KEY.run .. (id or '')
    local header = id and call('HGET', run, RUN.header)
    local key = item == '' and run or (prefix .. KEY.itemWork .. (id or '') .. ':' .. (index or ''))
    local lease = header and call('HGET', key, WORK.lease .. (item == '' and index or item))
    if lease then
      for _, text in ipairs({ page[at], lease, header }) do found[#found + 1] = text end
    end
    looks = looks + 3
  end
until cursor == '0' or looks >= BOUND.looks - 100
return { cursor, found }
