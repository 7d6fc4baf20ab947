/** The same of what callers and a Store do with runs and schedules: what fails is tried again, and leaves nothing behind. */
import { expect, vi } from "vitest"
import { Levada } from "../../adapters/promise/index.ts"
import type { ScriptName } from "../../adapters/redis/lua/LuaCommands.ts"
import { breaking, expected, insisting, pipeline, type Trial } from "./Breaking.ts"
import { SOON } from "./Opening.ts"

/** Starts a run once, however often it is tried. */
const start = async (levada: Levada.Levada, key: string, parameters: object, more: object = {}): Promise<string> => {
  let id = ""
  await insisting(async () => {
    id = await levada.start(pipeline, parameters as never, { idempotencyKey: key, ...more } as never)
  })
  return id
}

/** Pauses, cancels steps, and makes a schedule that fires. */
const managing: Trial = {
  act: async (levada, redis, keys, injection) => {
    await insisting(() => levada.pause("broken"))
    const kept = await start(levada, "kept", { a: 1 })
    const doomed = await start(levada, "doomed", { a: 2 })
    const lacking = await start(levada, "lacking", { a: 3 }, { onFailure: "continue" })
    await insisting(() => levada.cancelStep(doomed, "three"))
    await insisting(() => levada.cancelStep(lacking, "three"))
    await insisting(() => levada.resume("broken"))
    expect(await levada.result(pipeline, kept)).toBe(expected(1))
    const isCancelled = { error: { name: "StepCancelled" } }
    await expect(levada.result(pipeline, doomed)).rejects.toMatchObject(isCancelled)
    await expect(levada.result(pipeline, lacking)).rejects.toMatchObject(isCancelled)
    const statuses = (await levada.run(lacking)).steps.map(({ status }) => status)
    expect(statuses.slice(0, 4), injection).toEqual(["COMPLETED", "COMPLETED", "CANCELLED", "SKIPPED"])

    const schedule = Levada.schedule(pipeline, {
      id: "s",
      timing: { everyMillis: 1_000 },
      parameters: { a: 5 } as never
    })
    await insisting(() => levada.addSchedule(schedule))
    await insisting(() => levada.pauseSchedule("s"))
    await insisting(() => levada.resumeSchedule("s"))
    expect(await redis.zscore(`${keys}schedule:due`, "s"), injection).not.toBeNull()
    await vi.waitFor(async () => expect((await levada.runs()).runs.length).toBeGreaterThan(3), SOON)
    const { fired } = (await levada.schedules())[0]!
    await insisting(() => levada.removeSchedule("s"))
    expect(await levada.schedules()).toEqual([])
    await vi.waitFor(async () => expect(await redis.zcard(`${keys}unfinished`), injection).toBe(0), SOON)
    const { runs } = await levada.runs()
    // Each tick has one run, and each key as well.
    const ticks = runs.flatMap(({ schedule }) => (schedule === undefined ? [] : [schedule.tickMillis]))
    expect(new Set(ticks).size, injection).toBe(ticks.length)
    expect(ticks.length, injection).toBeGreaterThanOrEqual(fired)
    expect(runs.length - ticks.length, injection).toBe(3)
    for (const id of [kept, doomed, lacking]) await insisting(() => levada.remove(id))
  }
}

/** What a server that lost its memory may have lost of runs, each of which waits for something else. */
const STRANDED = ["ready", "due", "q:*", "line:*", "lines:*", "all:broken", "unfinished:broken", "schedule:runs:*"]

/** Has what runs wait for vanish, and be brought back. */
const mending: Trial = {
  act: async (levada, redis, keys, injection) => {
    await levada.addSchedule(
      Levada.schedule(pipeline, { id: "s", timing: { everyMillis: 1_000 }, parameters: { a: 5 } as never })
    )
    await levada.pause("broken")
    const ids = await Promise.all([1, 2, 3].map((a) => start(levada, `${a}`, { a }, { timeoutMillis: 600_000 })))
    const delayed = await start(levada, "delayed", { a: 4 }, { delayMillis: 500 })
    await vi.waitFor(async () => expect(await redis.scard(`${keys}schedule:runs:s`)).toBe(1), SOON)
    await levada.removeSchedule("s")
    const [fired] = (await levada.runs()).runs.filter(({ schedule }) => schedule !== undefined)
    for (const pattern of STRANDED) {
      const found = await redis.keys(`${keys}${pattern}`)
      if (found.length > 0) await redis.del(...found)
    }
    const [seconds, micros] = await redis.time()
    await redis.set(`${keys}torn`, String(Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000)))
    await vi.waitFor(async () => {
      for (const id of ids) expect(await redis.zscore(`${keys}due`, `t${id}`), injection).not.toBeNull()
      expect(await redis.sismember(`${keys}schedule:runs:s`, fired!.id), injection).toBe(1)
    }, SOON)
    await levada.resume("broken")
    await vi.waitFor(async () => expect(await redis.zcard(`${keys}unfinished`), injection).toBe(0), SOON)
    const results = await Promise.all([...ids, delayed].map((id) => levada.result(pipeline, id)))
    expect(results).toEqual([1, 2, 3, 4].map(expected))
  }
}

/** Keeps lists elsewhere, and runs that are too long for a call. */
const keptElsewhere = (): Trial => {
  const kept = new Map<string, string>()
  let puts = 0
  const blobs = {
    threshold: 6,
    put: async (text: string) => {
      const reference = `${++puts}`
      kept.set(reference, text)
      return reference
    },
    get: async (reference: string) => kept.get(reference)!,
    remove: async (reference: string) => void kept.delete(reference)
  }
  return {
    store: { blobs },
    act: async (levada, redis, keys, injection) => {
      const id = await start(levada, "key", { a: 1 })
      expect(await levada.result(pipeline, id)).toBe(expected(1))
      await vi.waitFor(async () => expect(await redis.zcard(`${keys}unfinished`)).toBe(0), SOON)
      expect(kept.size).toBeGreaterThan(0)
      await insisting(() => levada.remove(id))
      await vi.waitFor(async () => expect([...kept], injection).toEqual([]), SOON)
    }
  }
}

const MANAGED: ReadonlyArray<readonly [script: ScriptName, invocations: number]> = [
  ["fireSchedule", 2],
  ["cancelStep", 2],
  ["remove", 1],
  ["dropSchedule", 1],
  ["resume", 1],
  ["putSchedule", 1],
  ["pauseSchedule", 2],
  ["dueSchedules", 2],
  ["plan", 1]
]

for (const [script, invocations] of MANAGED) breaking(script, invocations, () => managing)
breaking("mend", 2, () => mending)
breaking("gone", 2, keptElsewhere)
