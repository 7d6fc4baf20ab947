/** A script that fails at any of its calls to the server loses nothing, records nothing twice, and leaves nothing stuck. */
import { expect, vi } from "vitest"
import type { ScriptName } from "../../adapters/redis/lua/LuaCommands.ts"
import { breaking, expected, insisting, pipeline, type Trial } from "./Breaking.ts"
import { SOON } from "./Opening.ts"

/** Runs some, and cancels one. */
const act: Trial["act"] = async (levada, redis, keys, injection) => {
  const start = async (a: number): Promise<string> => {
    let id = ""
    await insisting(async () => {
      id = await levada.start(pipeline, { a } as never, { priority: a } as never)
    })
    return id
  }
  const ids = await Promise.all([1, 2, 3].map(start))
  const doomed = await start(9)
  await insisting(() => levada.cancel(doomed))
  await vi.waitFor(async () => expect(await redis.zrange(`${keys}unfinished`, "0", "-1"), injection).toEqual([]), SOON)
  const results = await Promise.all(ids.map((id) => levada.result(pipeline, id)))
  expect(results, injection).toEqual([1, 2, 3].map((a) => expected(a)))
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

/** How many invocations of each script fail in turn. */
const SCRIPTS: ReadonlyArray<readonly [script: ScriptName, invocations: number]> = [
  ["submit", 3],
  ["work", 14],
  ["renew", 1],
  ["note", 1],
  ["tick", 6],
  ["retain", 2],
  ["todo", 2],
  ["cancel", 1]
]

for (const [script, invocations] of SCRIPTS) breaking(script, invocations, () => ({ act }))
