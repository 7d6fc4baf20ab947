-- The Store's clock: the server's time, except that it never goes back. KEY.clock holds the last instant and, if the server's
-- clock was set back, how far this clock is ahead of it.
local skew, knownSkew = 0, 0
do
  local known = call('GET', prefix .. KEY.clock)
  local latest = tonumber(known or 0)
  if not latest then
    local instant, ahead = string.match(known, '^(%d+) (%d+)$')
    latest, knownSkew = tonumber(instant), tonumber(ahead)
  end
  if now < latest then
    skew = knownSkew
    if now + skew < latest then skew = latest - now end
    now = now + skew
  end
end
