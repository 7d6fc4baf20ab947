/** The same of what callers and a Store do with runs and schedules: what fails is tried again, and leaves nothing behind. */
import { expect, vi } from "vitest"
import { Levada } from "../../adapters/promise/index.ts"
import type { ScriptName } from "../../adapters/redis/LuaCommands.ts"
import { breaking, expected, insisting, pipeline, type Trial } from "./Breaking.ts"
import { SOON } from "./Opening.ts"

/** Pauses, cancels a step, and makes a schedule that fires. */
const act: Trial["act"] = async (levada, redis, keys, injection) => {
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


const only = process.env["ONLY"]
for (const [script, invocations] of ([["fireSchedule", 2], ["cancelStep", 1], ["remove", 3], ["dropSchedule", 1]
  ,["resume", 1],
  ["putSchedule", 1],
  ["pauseSchedule", 2],
  ["dueSchedules", 2],
  ["plan", 1],
  ["aside", 1]
] as Array<[ScriptName, number]>)) if (!only || only === script) breaking(script, invocations, { act })
