/** What may be left in Redis when nothing is to be done any more. */
import { Redis } from "ioredis"
import type { Problems } from "./RunChecks.ts"

/** Keys of work that is under way, of which none may be left; `adapters/redis/lua/base.lua` says what they are. */
const OF_WORK =
  /^(?:(?:ready|alone|leases|stopping|due|todo|torn|waits|dead)$|unfinished(?:$|:)|running(?:$|:)|held:|lines?:|[qasy]:)/

/** A lease of a unit; `+` and `-` say how it ended. */
const LEASE = /^\d+\|/

/** Looks at every key of a prefix. */
export const leftovers = async (url: string, prefix: string): Promise<Problems> => {
  const redis = new Redis(url)
  const problems: Array<string> = []
  const front = `{${prefix}}:`
  for await (const keys of redis.scanStream({ match: `${front}*`, count: 1_000 })) {
    for (const key of keys as ReadonlyArray<string>) {
      const name = key.slice(front.length)
      // What was put aside by a process that ended then goes by itself.
      const isAside = name.startsWith("s:") && (await redis.ttl(key)) > 0
      if (OF_WORK.test(name) && !isAside) problems.push(`left over: ${name} ${await contentOf(redis, key)}`)
      if (!/^[rz]:/.test(name)) continue
      const fields = await redis.hgetall(key)
      for (const [field, value] of Object.entries(fields)) {
        if (field.startsWith("l") && LEASE.test(value)) problems.push(`left over: ${field} of ${name}: ${value}`)
      }
    }
  }
  redis.disconnect()
  return problems
}

const contentOf = async (redis: Redis, key: string): Promise<string> => {
  const content = async (): Promise<unknown> => {
    switch (await redis.type(key)) {
      case "hash":
        return redis.hgetall(key)
      case "list":
        return redis.lrange(key, 0, 4)
      case "zset":
        return redis.zrange(key, 0, "4", "WITHSCORES")
      case "set":
        return redis.smembers(key)
      default:
        return redis.get(key)
    }
  }
  return JSON.stringify(await content()).slice(0, 300)
}
