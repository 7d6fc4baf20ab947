/** A script that fails at any of its calls to the server loses nothing, records nothing twice, and leaves nothing stuck. */
import * as Schema from "effect/Schema"
import type { Redis } from "ioredis"
import { expect, inject, test, vi } from "vitest"
import { Access, Levada, Pipeline, Step, Task } from "../../adapters/promise/index.ts"
import { RedisStore } from "../../adapters/redis/index.ts"
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
const pipeline = Pipeline.make(
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

const expected = (a: number): number => 2 * (3 * (a + 3) + 3)

/** How often each script is called in what is done below, about: the failures are spread over these. */
const SCRIPTS: ReadonlyArray<readonly [script: ScriptName, invocations: number, most: number]> = [
  ["submit", 2, 80],
  ["work", 14, 120],
  ["renew", 1, 10],
  ["note", 1, 30],
  ["tick", 6, 60],
  ["retain", 2, 20],
  ["todo", 2, 10],
  ["cancel", 1, 40]
]

/** Those of which each invocation calls the server many times. */
const IS_CALLED: ReadonlySet<ScriptName> = new Set(["submit", "work", "tick", "cancel", "note"])

/** What stays when all runs are removed: results that others may want, and what a broken act leaves for an hour or for good. */
const LEFT = /^(?:memos|memo:.*|s:.*|p:.*|injected|torn)$/

/** What is done with a Store of which a script fails once. `keys` is in front of all its keys. */
type Trial = (levada: Levada.Levada, redis: Redis, keys: string, injection: string) => Promise<void>

/** Tries with one failure, and looks at what is left of it. Gives whether the failure came to pass. */
const attempt = async (injection: Injection, trial: Trial): Promise<boolean> => {
  const prefix = `breaking-${process.pid}-${++count}`
  const { client: redis, hasFailed } = injecting(url!, prefix, injection)
  const store = RedisStore.layer({ client: redis, prefix, leaseMillis: 150, maxLosses: 20 })
  const levada = Levada.make({ pipelines: [pipeline], access: Access.open, store, logs: "None" } as never)
  try {
    await trial(levada, redis, `{${prefix}}:`, JSON.stringify(injection))
    // Runs that were recorded though their start was told to have failed end too.
    for (;;) if ((await redis.zcard(`{${prefix}}:unfinished`)) === 0) break
    const has = await hasFailed()
    for (const key of await runKeys(redis, prefix)) if (key.startsWith("r:")) await levada.remove(key.slice(2))
    // What is left of leases goes with the next ticks.
    await vi.waitFor(async () => {
      const left = (await runKeys(redis, prefix)).filter((key) => !LEFT.test(key))
      expect(left, JSON.stringify({ injection, left })).toEqual([])
    }, SOON)
    return has
  } finally {
    await levada.close()
    await redis.quit()
  }
}

/** Runs some, and cancels one. */
const running: Trial = async (levada) => {
  const start = async (a: number): Promise<string> => {
    for (;;) {
      const id = await levada.start(pipeline, { a } as never, { priority: a } as never).catch(() => undefined)
      if (id !== undefined) return id
    }
  }
  const ids = await Promise.all([1, 2, 3].map(start))
  const doomed = await start(9)
  for (let isCancelled = false; !isCancelled; ) {
    isCancelled = await levada.cancel(doomed).then(
      () => true,
      () => false
    )
  }
  const results = await Promise.all(ids.map((id) => levada.result(pipeline, id)))
  expect(results).toEqual([1, 2, 3].map((a) => expected(a)))
  for (const id of ids) {
    const run = await levada.run(id)
    const events = await Array.fromAsync(levada.watch(id))
    const completed = events
      .filter(({ type }) => type === "StepCompleted")
      .map((event) => (event as { step: string }).step)
    expect(completed.sort()).toEqual(run.steps.map(({ name }) => name).sort())
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, at) => at + 1))
  }
}

/** Repeats what has failed because a script was broken, as its caller would; what an earlier try has done already is done. */
const insisting = async (act: () => Promise<unknown>): Promise<void> => {
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

/** Pauses, cancels a step, and makes a schedule that fires. */
const managing: Trial = async (levada, redis, keys, injection) => {
  await insisting(() => levada.pause("broken"))
  const ids: Array<string> = []
  for (const a of [1, 2]) await insisting(async () => ids.push(await levada.start(pipeline, { a } as never)))
  await insisting(() => levada.cancelStep(ids[1]!, "three"))
  await insisting(() => levada.resume("broken"))
  expect(await levada.result(pipeline, ids[0]!)).toBe(expected(1))
  await expect(levada.result(pipeline, ids[1]!)).rejects.toMatchObject({ error: { name: "StepCancelled" } })

  const schedule = Levada.schedule(pipeline, {
    id: "s",
    timing: { everyMillis: 1_000 },
    parameters: { a: 5 } as never
  })
  await insisting(() => levada.addSchedule(schedule))
  await insisting(() => levada.pauseSchedule("s"))
  await insisting(() => levada.resumeSchedule("s"))
  expect(await redis.zscore(`${keys}schedule:due`, "s"), injection).not.toBeNull()
  await vi.waitFor(async () => expect((await levada.runs()).runs.length).toBeGreaterThan(ids.length), SOON)
  await insisting(() => levada.removeSchedule("s"))
  expect(await levada.schedules()).toEqual([])
}

const REST: ReadonlyArray<readonly [script: ScriptName, invocations: number, most: number]> = [
  ["resume", 1, 10],
  ["putSchedule", 1, 8],
  ["pauseSchedule", 2, 12],
  ["dueSchedules", 2, 8],
  ["plan", 1, 6],
  ["aside", 1, 4]
]

for (const [script, invocations, most, trial] of [
  ...SCRIPTS.map((each) => [...each, running] as const),
  ...REST.map((each) => [...each, managing] as const)
]) {
  shared(`${script} fails at each of its calls in turn`, { timeout: 300_000 }, async () => {
    const injections = Array.from({ length: most }, (_, at) => ({
      script,
      call: at + 1,
      invocation: 1 + (at % invocations)
    }))
    let failed = 0
    const rest = [...injections]
    const worker = async (): Promise<void> => {
      for (let next = rest.pop(); next !== undefined; next = rest.pop()) if (await attempt(next, trial)) failed++
    }
    await Promise.all(Array.from({ length: 8 }, worker))
    if (IS_CALLED.has(script)) expect(failed).toBeGreaterThan(0)
  })
}
