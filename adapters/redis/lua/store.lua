-- The prefix of the Store, and formatting of whole numbers.
local prefix = KEYS[1]
local call = redis.call
local function fmt(number) return string.format('%.0f', number) end
