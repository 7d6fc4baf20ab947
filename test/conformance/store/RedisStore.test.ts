import { Redis } from "ioredis"
import { afterAll, beforeAll, describe, expect, inject } from "vitest"
import { RedisStore } from "../../../adapters/redis/index.ts"
import { rights } from "../../redis/server.ts"
import { store } from "./StoreConformance.ts"

const url = inject("redisUrl")
const user = `conformance-${process.pid}`
let count = 0

/** What is asked for where it is allowed, and done without. Redis 6 tells of the command alone. */
const ASKED = ["client|setinfo", "config|get", "client", "config"]

describe.skipIf(url === undefined)("with a server, as a user with only the rights that docs/redis.md lists", () => {
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

  store("Redis", (wanted) => RedisStore.layer({ url: theirs.href, prefix: `${user}-${++count}`, ...wanted }))
})
