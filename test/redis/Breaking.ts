/** The frame of the tests that break every call of a script in turn: one failure, one trial, and nothing is left behind. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Redis } from "ioredis"
import { expect, inject, test, vi } from "vitest"
import { Access, Levada, Pipeline, Step, Task } from "../../adapters/promise/index.ts"
import { RedisDoctor, RedisStore } from "../../adapters/redis/index.ts"
import type { ScriptName } from "../../adapters/redis/lua/LuaCommands.ts"
import { type Injection, injecting } from "./Injecting.ts"
import { runKeys, SOON } from "./Opening.ts"

const url = inject("redisUrl")
const shared = test.skipIf(url === undefined)
const N = Schema.Number
let count = 0

const add = (name: string, from: string, to: string, more: object = {}) =>
  Task.make(name, {
    input: { [from]: N },
    output: { [to]: N },
    ...more,
    run: (inputs) => ({ [to]: (inputs as Record<string, number>)[from]! + 1 }) as never
  })

let failures = 0
const list = Task.make("list", {
  input: { d: N },
  output: { ns: Schema.Array(N) },
  run: ({ d }, { progress, log }) => {
    log("listing")
    progress(1, 2)
    return { ns: [d, d + 1, d + 2] }
  }
})
const flaky = Task.make("flaky", {
  input: { n: N },
  output: { m: N },
  retry: { times: 20, delayMillis: 5, factor: 1 },
  run: ({ n }) => {
    if (++failures % 4 === 1) throw new Error("again")
    return { m: n * 2 }
  }
})
const sum = Task.make("sum", {
  input: { m: Schema.Array(N) },
  output: { total: N },
  run: ({ m }) => ({ total: m.reduce((one, other) => one + other, 0) })
})

/** A chain, a limit, a memoised step, a list with retries. */
export const pipeline: Pipeline.Any = Pipeline.make(
  "broken",
  [
    add("one", "a", "b"),
    add("two", "b", "c", { limit: { max: 1 } }),
    add("three", "c", "d", { memo: { ttlMillis: 0 } }),
    list,
    Step.map(flaky, { over: { n: "ns" } }),
    sum
  ] as never,
  { limit: { runs: 2 } }
) as unknown as Pipeline.Any

/** What a run of the pipeline gives. */
export const expected = (a: number): number => 2 * (3 * (a + 3) + 3)

/**
 * What may stay when all runs are removed: results that others may want, and what a broken act leaves for an hour or for good.
 * A place of a limit that was not given back is freed as soon as a unit waits for it.
 */
const LEFT = /^(?:memos|memo:.*|s:.*|p:.*|held:(?:memo|task):.*|injected|torn)$/

/** What is done with a Store of which a script fails once. */
export interface Trial {
  /** `keys` is in front of all keys of the Store. */
  readonly act: (levada: Levada.Levada, redis: Redis, keys: string, injection: string) => Promise<void>
  /** Options of the Store besides. */
  readonly store?: Partial<RedisStore.Options>
}

/** Tries with one failure, and looks at what is left of it. Gives whether the failure came to pass. */
const attempt = async (injection: Injection, trial: Trial): Promise<boolean> => {
  const prefix = `breaking-${process.pid}-${++count}`
  const keys = `{${prefix}}:`
  const { client: redis, hasFailed } = injecting(url!, prefix, injection)
  const told = JSON.stringify(injection)
  const bounds = { leaseMillis: 150, maxLosses: 20 }
  const store = RedisStore.layer({ client: redis, prefix, ...bounds, ...trial.store })
  const levada = Levada.make({ pipelines: [pipeline], access: Access.open, store, logs: "None" } as never)
  try {
    await trial.act(levada, redis, keys, told)
    // Runs that were recorded though their start was told to have failed end too.
    await vi.waitFor(async () => expect(await redis.zrange(`${keys}unfinished`, "0", "-1"), told).toEqual([]), SOON)

    for (const key of await runKeys(redis, prefix)) {
      if (key.startsWith("r:")) await insisting(() => levada.remove(key.slice(2)))
    }
    const { stranded } = await Effect.runPromise(RedisDoctor.examine({ url: url!, prefix, ...bounds }))
    expect(stranded.problems, told).toEqual([])
    // What is left of leases goes with the next ticks.
    await vi.waitFor(async () => {
      const left = (await runKeys(redis, prefix)).filter((key) => !LEFT.test(key))
      expect(left, told).toEqual([])
    }, SOON)
    return await hasFailed()
  } finally {
    await levada.close()
    await redis.quit()
  }
}

/** Repeats what has failed because a script was broken, as its caller would; what an earlier try has done already is done. */
export const insisting = async (act: () => Promise<unknown>): Promise<void> => {
  for (let tries = 1; ; tries++) {
    const error = await act().then(
      () => undefined,
      (thrown: unknown) => thrown as { readonly _tag?: string }
    )
    if (error === undefined || DONE.has(error._tag ?? "")) return
    if (tries === 20) throw error
  }
}

const DONE: ReadonlySet<string> = new Set(["ScheduleExists", "ScheduleNotFound", "RunNotFound"])

/** How many trials are under way at once. */
const TOGETHER = 8

/** A test in which each call of some invocations of a script fails in turn, until there are no more. */
export const breaking = (script: ScriptName, invocations: number, trial: () => Trial): void => {
  shared(`${script} fails at each of its calls in turn`, { timeout: 300_000 }, async () => {
    let failed = 0
    const wrong: Array<string> = []
    for (let invocation = 1; invocation <= invocations && wrong.length === 0; invocation++) {
      for (let first = 1, isMore = true; isMore; first += TOGETHER) {
        const calls = Array.from({ length: TOGETHER }, (_, at) => first + at)
        const have = await Promise.all(
          calls.map((call) =>
            attempt({ script, call, invocation }, trial()).catch((error: Error) => {
              wrong.push(error.message)
              return true
            })
          )
        )
        failed += have.filter((has) => has).length
        isMore = wrong.length === 0 && have.some((has) => has)
      }
    }
    expect(wrong).toEqual([])
    expect(failed).toBeGreaterThan(0)
  })
}
