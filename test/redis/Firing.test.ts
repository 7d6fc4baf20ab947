/** Servers that look for due schedules at the same time, over links that are slow. */
import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import { expect, inject, test } from "vitest"
import { Schedule } from "../../adapters/promise/index.ts"
import { RedisStore } from "../../adapters/redis/index.ts"
import { SCRIPTS } from "../../adapters/redis/lua/LuaCommands.ts"
import { client } from "./Opening.ts"

const url = inject("redisUrl")
const READ = createHash("sha1").update(SCRIPTS.readSchedules).digest("hex")
const EVERY_MILLIS = 100

const definition: Schedule.Definition = {
  id: "often",
  pipelineId: "p",
  timing: { everyMillis: EVERY_MILLIS },
  parameters: {},
  catchUp: "all",
  overlap: "allow",
  priority: 0,
  graceMillis: 60_000
}

test.skipIf(url === undefined)("a schedule that another server has fired meanwhile is not due", async () => {
  const prefix = `firing-${Date.now()}`
  const slow = client(url!)
  await Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const other = (yield* RedisStore.make({ url: url!, prefix })).schedules
        yield* other.put(Schedule.make(definition, Date.now(), Date.now(), ""), false)
        // Opened now, it is told nothing of that, and looks once.
        const own = (yield* RedisStore.make({ client: slow, prefix })).schedules

        // The other one fires it between the two calls of a look.
        const fired = Effect.gen(function* () {
          const schedule = yield* other.get("often")
          const nextAtMillis = schedule.nextAtMillis + 5 * EVERY_MILLIS
          yield* other.fire({ schedule, version: "", runs: [], dropped: 0, nextAtMillis })
        })
        let count = 0
        const evalsha = slow.evalsha.bind(slow) as (...args: ReadonlyArray<unknown>) => Promise<unknown>
        const wrapped = async (digest: string, ...rest: ReadonlyArray<unknown>): Promise<unknown> => {
          if (digest === READ && count++ === 0) await Effect.runPromise(fired)
          return evalsha(digest, ...rest)
        }
        Object.assign(slow, { evalsha: wrapped })

        const [due] = yield* own.due(() => 0)
        expect(count).toBeGreaterThan(1)
        expect(due!.schedule.nextAtMillis).toBeLessThanOrEqual(due!.nowMillis)
      })
    )
  )
})
