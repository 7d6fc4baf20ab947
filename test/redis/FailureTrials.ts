/** Tests that make every call of a script fail in turn: one failure in each trial, which must leave nothing behind. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Redis } from "ioredis"
import { expect, inject, test, vi } from "vitest"
import { Access, Levada, Pipeline, Step, Task } from "../../adapters/promise/index.ts"
import { RedisDoctor, RedisStore } from "../../adapters/redis/index.ts"
import type { ScriptName } from "../../adapters/redis/lua/LuaCommands.ts"
import { type Injection, injecting } from "./FailingClient.ts"
import { runKeys, SOON } from "./Resources.ts"

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

/** The result of a run of the pipeline. */
export const expected = (a: number): number => 2 * (3 * (a + 3) + 3)

/**
 * Keys that may stay when all runs are removed: memoised results, and leftovers of a failed act that expire or are harmless.
 * A place of a limit that was not freed is freed as soon as a unit waits for it.
 */
const LEFT = /^(?:memos|memo:.*|s:.*|p:.*|held:(?:memo|task):.*|injected|torn)$/

/** What a trial does with a Store whose script fails once. */
export interface Trial {
  /** `keys` is the prefix of all keys of the Store. */
  readonly act: (levada: Levada.Levada, redis: Redis, keys: string, injection: string) => Promise<void>
  /** More options of the Store. */
  readonly store?: Partial<RedisStore.Options>
}

/** Runs a trial with one failure, and checks the leftovers. Returns whether the failure happened. */
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
    // Runs whose start was reported as failed, but which were recorded, end too.
    await vi.waitFor(async () => expect(await redis.zrange(`${keys}unfinished`, "0", "-1"), told).toEqual([]), SOON)

    for (const key of await runKeys(redis, prefix)) {
      if (key.startsWith("r:")) await insisting(() => levada.remove(key.slice(2)))
    }
    const { stranded } = await Effect.runPromise(RedisDoctor.examine({ url: url!, prefix, ...bounds }))
    expect(stranded.problems, told).toEqual([])
    // The next ticks remove leftover leases.
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

/** Repeats a failed call, as its caller would. Errors that mean "already done" count as success. */
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

/** How many trials run at the same time. */
const TOGETHER = 8

/** A test that makes each call of the first invocations of a script fail in turn. */
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
