/** Messages of tasks keep the names of the host's files, but not their directories. */
import { describe, expect, test } from "vitest"
import { withoutHostPaths } from "../../core/values/Text.ts"

describe("paths of the host are removed from messages", () => {
  test.for([
    ["open '/srv/app/in.wav'", "open '…/in.wav'"],
    ["cwd:/srv/app/x", "cwd:…/x"],
    ["cwd=/srv/app/x", "cwd=…/x"],
    ["PATH=/usr/local/bin:/home/me/bin", "PATH=…/bin:…/bin"],
    ["x,/srv/app/y;/srv/app/z|/srv/app/w", "x,…/y;…/z|…/w"],
    ["/Users/John Smith/app/x", "…/x"],
    ["cannot read /Users/John Smith/app/x", "cannot read …/x"],
    ["\\\\server\\share\\x", "…/x"],
    ["C:\\x\\y", "…/y"],
    ["C:/x/y.txt", "…/y.txt"],
    ['"C:\\Program Files\\app\\x.exe"', '"…/x.exe"'],
    ["file:///srv/app/x.ts", "…/x.ts"],
    ['{"path":"/srv/app/x"}', '{"path":"…/x"}'],
    ["(/srv/app/x) [/srv/app/y] <a href=/srv/app/z>", "(…/x) […/y] <a href=…/z>"],
    ["/srv/über/x", "…/x"]
  ] as const)("%s", ([message, shown]) => {
    expect(withoutHostPaths(message)).toBe(shown)
  })
})

describe("texts that only look like paths are kept", () => {
  test.for([
    "https://example.com/a/b/c",
    "GET http://host:8080/a/b failed",
    "url=https://example.com/a/b",
    "see (https://example.com/a/b), <http://[::1]:80/a/b>",
    "s3://bucket/a/b",
    "postgres://user@host/db/x",
    "a/b/c",
    "1/2 and n/a and/or",
    "/health",
    "12:30"
  ])("%s", (message) => {
    expect(withoutHostPaths(message)).toBe(message)
  })
})
