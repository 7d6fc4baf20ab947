import { Redis } from "ioredis"
import { afterAll, beforeAll, describe, expect, inject } from "vitest"
import { RedisStore } from "../../../adapters/redis/index.ts"
import { rights } from "../../redis/server.ts"
import { storeConformance } from "./StoreConformance.ts"

const url = inject("redisUrl")
const user = `conformance-${process.pid}`
let count = 0

/** Commands that Levada tries and can do without. Redis 6 reports only the command of a refusal. */
const ASKED = ["client|setinfo", "config|get", "client", "config"]

describe.skipIf(url === undefined)(
  "with a Redis server, as a user with only the rights that docs/redis.md lists",
  () => {
    let admin: Redis
    const theirs = new URL(url ?? "redis://none")
    theirs.username = user
    theirs.password = "secret"
    beforeAll(async () => {
      admin = new Redis(url!, { replyMapping: "legacy" })
      await admin.acl("SETUSER", user, "on", ">secret", ...rights(`{${user}-`))
    })
    afterAll(async () => {
      const log = (await admin.acl("LOG", 128)) as ReadonlyArray<ReadonlyArray<unknown>>
      const refused = log.filter((entry) => entry.includes(user)).map((entry) => entry[entry.indexOf("object") + 1])
      await admin.acl("DELUSER", user)
      admin.disconnect()
      expect(refused.filter((what) => !ASKED.includes(String(what)))).toEqual([])
    })

    storeConformance("Redis", (wanted) =>
      RedisStore.layer({ url: theirs.href, prefix: `${user}-${++count}`, ...wanted })
    )
  }
)
