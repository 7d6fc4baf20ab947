/** A Store on Redis uses the Clock that it was built with. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { expect, inject, test } from "vitest"
import { RedisDoctor, RedisStore } from "../../adapters/redis/index.ts"
import { newId } from "../../core/run/RunId.ts"
import { newRun, single } from "../conformance/store/harness/StoreDriver.ts"

const url = inject("redisUrl")
const AHEAD_MILLIS = 3_600_000

/** A wall clock that is ahead of this machine's. */
const ahead = (clock: Clock.Clock): Clock.Clock =>
  Object.assign(Object.create(clock) as Clock.Clock, {
    currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + AHEAD_MILLIS
  })

const withClock = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Effect.service(Clock.Clock), (clock) => Effect.provideService(effect, Clock.Clock, ahead(clock)))

test.skipIf(url === undefined)("ids of runs begin with the instant of the Store's Clock", async () => {
  const store = { url: url!, prefix: `clock-${process.pid}` }
  const before = Date.now() + AHEAD_MILLIS
  const id = await Effect.runPromise(
    Effect.scoped(Effect.flatMap(withClock(RedisStore.make(store)), (made) => made.submit(newRun(single))))
  )
  const random = { nextDoubleUnsafe: () => 0, nextIntUnsafe: () => 0 }
  const least = newId(before, random).slice(0, 10)
  const most = newId(Date.now() + AHEAD_MILLIS, random).slice(0, 10)
  expect(id.slice(0, 10) >= least && id.slice(0, 10) <= most).toBe(true)
})

test.skipIf(url === undefined)("the doctor compares its Clock with the server's", async () => {
  const store = { url: url!, prefix: `clock-${process.pid}-doctor` }
  const { clockSkewMillis, problems } = await Effect.runPromise(withClock(RedisDoctor.examine(store)))
  expect(Math.abs(clockSkewMillis - AHEAD_MILLIS)).toBeLessThan(60_000)
  expect(problems).toContainEqual(expect.stringContaining("The clocks of this machine and of the server differ"))
})
