-- The Store that a script is called for, and how a whole number is written.
local prefix = KEYS[1]
local call = redis.call
local function fmt(number) return string.format('%.0f', number) end
