/** A Store on Redis whose larger values are kept elsewhere: the same suite, with every value large enough. */
import { describe, inject } from "vitest"
import { RedisStore } from "../../../adapters/redis/index.ts"
import { store } from "./StoreConformance.ts"

const url = inject("redisUrl")
let count = 0

describe.skipIf(url === undefined)("with a server", () => {
  store("Redis, values elsewhere", (wanted) => {
    const kept = new Map<string, string>()
    let puts = 0
    return RedisStore.layer({
      url: url!,
      prefix: `blobs-${process.pid}-${++count}`,
      ...wanted,
      blobs: {
        threshold: 1,
        put: async (text) => {
          const reference = String(++puts)
          kept.set(reference, text)
          return reference
        },
        get: async (reference) => kept.get(reference)!,
        remove: async (reference) => void kept.delete(reference)
      }
    })
  })
})
