/** The scripts of the Store on Redis against the list model, through two clients, and with a look at the keys. */
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { Redis } from "ioredis"
import { describe, inject, it } from "vitest"
import { RedisStore } from "../../../adapters/redis/index.ts"
import { SCRIPTS } from "../../../adapters/redis/lua/LuaCommands.ts"
import * as Run from "../../../core/run/Run.ts"
import { cases } from "../../cases.ts"
import { acts, play } from "./harness/Interleaving.ts"

const url = inject("redisUrl")

describe.skipIf(url === undefined)("Store against a list model", () => {
  it("Redis, by two clients", { timeout: 120_000 }, async () => {
    const redis = new Redis(url!)
    const name = `model-${process.pid}`
    const prefix = `{${name}}:`
    // The longest lease: the only ones that end are those that the test ends.
    const options = { url: url!, prefix: name, leaseMillis: 600_000, maxLosses: 1_000_000 }
    await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const stores = [yield* RedisStore.make(options), yield* RedisStore.make(options)]
          const ask = <A>(what: () => Promise<A>) => Effect.promise(what)
          const memberOf = async (token: string): Promise<string> =>
            (await redis.zrange(`${prefix}leases`, "0", "-1")).find((member) => member.endsWith(`|${token}`))!
          yield* ask(() =>
            fc.assert(
              fc
                .asyncProperty(acts, (some) =>
                  // @effect-diagnostics-next-line runEffectInsideEffect:off - fast-check runs each case on its own
                  Effect.runPromise(
                    play(some, {
                      stores,
                      expire: (claim) =>
                        ask(async () => {
                          const member = await memberOf(claim.token)
                          await redis.zadd(`${prefix}leases`, 0, member)
                          await redis.eval(SCRIPTS.tick, 1, prefix, 10_000, options.maxLosses, 1 << 20, 100)
                        }),
                      look: ({ held, runs }) =>
                        ask(async () => {
                          const over = [...runs.values()].filter(({ status }) => Run.isTerminal(status)).length
                          const [leases, unfinished, ended] = await Promise.all([
                            redis.zcard(`${prefix}leases`),
                            redis.zcard(`${prefix}unfinished`),
                            redis.zcard(`${prefix}ended`)
                          ])
                          expect([leases, unfinished, ended]).toEqual([held.length, runs.size - over, over])
                        })
                    })
                  )
                )
                .beforeEach(async () => {
                  const keys = await redis.keys(`${prefix}*`)
                  const kept = keys.filter((key) => !/:(?:versions:|meta|clock)/.test(key))
                  if (kept.length > 0) await redis.del(...kept)
                }),
              { numRuns: cases(400) }
            )
          )
        })
      )
    )
    redis.disconnect()
  })
})
