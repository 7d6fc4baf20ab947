/** The keys of a Store on Redis: a key with a name behind it never equals another key. */
import { expect, it } from "vitest"
import { KEY } from "../../adapters/redis/lua/Codes.ts"

/** Indexes of runs: of one pipeline, they have `:` and its id behind their name. */
const OF_PIPELINE = [KEY.all, KEY.unfinished, KEY.running, KEY.failed, KEY.cancelled].map((key) => `${key}:`)

it("no key begins with another key that takes a name", () => {
  const keys = Object.values(KEY)
  const named = [...keys.filter((key) => key.endsWith(":")), ...OF_PIPELINE]
  const clashes = named.flatMap((prefix) =>
    [...keys, ...OF_PIPELINE].filter((key) => key !== prefix && key.startsWith(prefix)).map((key) => [prefix, key])
  )
  expect(clashes).toEqual([])
})
