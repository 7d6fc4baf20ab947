import { describe, inject } from "vitest"
import { RedisStore } from "../../adapters/redis/index.ts"
import { store } from "./StoreConformance.ts"

const url = inject("redisUrl")
let count = 0

describe.skipIf(url === undefined)("with a server", () => {
  store("Redis", ({ leaseMillis }) =>
    RedisStore.layer({ url: url!, prefix: `conformance-${process.pid}-${++count}`, leaseMillis })
  )
})
