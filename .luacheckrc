-- For `npm run lint`, which has luacheck look at the scripts as Redis gets them.
std = "lua51"
read_globals = { "redis", "cjson", "KEYS", "ARGV" }
max_line_length = 130
