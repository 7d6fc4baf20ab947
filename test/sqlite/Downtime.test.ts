/** What was due while no process had the file: missed ticks follow their policies, alarms that passed happen at once, others in time. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import { describe, expect } from "vitest"
import {
  Access,
  Levada,
  Operations,
  Pipeline,
  Principal,
  Scheduler,
  Services,
  Store,
  Task
} from "../../adapters/promise/index.ts"
import { SqliteStore } from "../../adapters/sqlite/index.ts"
import type { CatchUp, Overlap } from "../../core/run/Schedule.ts"
import { broken, chain, newRun, single } from "../conformance/store/harness/StoreDriver.ts"
import { files, opened, request } from "./StoreFiles.ts"

const MINUTE = 60_000
const file = files()

const work = Task.make("work", { input: {}, output: { m: Schema.Number }, run: () => ({ m: 1 }) })
const pipeline = Pipeline.make("p", [work])

/** Lets a process live, without a worker, so that runs stay unfinished. */
const life = <A>(path: string, body: Effect.Effect<A, unknown, Operations.Operations | Store.Store>) =>
  Effect.scoped(body).pipe(
    Effect.provide(
      Layer.fresh(
        Scheduler.layer.pipe(
          Layer.provideMerge(Operations.layer),
          Layer.provideMerge(Services.layer({ pipelines: [pipeline], access: Access.open })),
          Layer.provideMerge(SqliteStore.layer({ file: path, historyMillis: 0 }))
        )
      )
    )
  ) as Effect.Effect<A>

const addSchedule = (catchUp: CatchUp, overlap: Overlap) =>
  Operations.Operations.use(({ addSchedule: add }) =>
    add(
      Principal.host,
      Levada.schedule(pipeline, {
        id: `${catchUp}-${overlap}`,
        timing: { everyMillis: MINUTE },
        parameters: {},
        catchUp,
        overlap,
        graceMillis: 10_000
      })
    )
  )

/** The minutes for which a schedule has started runs. */
const ticksOf = (id: string) =>
  Effect.map(
    Store.Store.use(({ list }) => list({ limit: 1_000 })),
    ({ runs }) => runs.flatMap((run) => (run.schedule?.id === id ? [run.schedule.tickMillis / MINUTE] : [])).reverse()
  )

describe("missed ticks", () => {
  it.effect.each([
    ["skip", "allow", [1, 11]],
    ["one", "allow", [1, 10, 11]],
    ["all", "allow", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]],
    // The run of the first minute is not over.
    ["skip", "skip", [1]],
    ["one", "skip", [1]],
    ["skip", "queue", [1, 11]],
    ["one", "queue", [1, 10, 11]],
    ["all", "queue", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]]
  ] as const)("with catch-up %s and overlap %s start runs of the minutes %j", ([catchUp, overlap, ticks]) =>
    Effect.gen(function* () {
      const path = file()
      const id = `${catchUp}-${overlap}`
      yield* life(
        path,
        Effect.gen(function* () {
          yield* addSchedule(catchUp, overlap)
          yield* TestClock.adjust(MINUTE)
          expect(yield* ticksOf(id)).toEqual([1])
        })
      )
      yield* TestClock.adjust(9.5 * MINUTE)
      yield* life(
        path,
        Effect.gen(function* () {
          yield* TestClock.adjust(1_000)
          expect(yield* ticksOf(id)).toEqual(ticks.filter((tick) => tick < 11))
          yield* TestClock.adjust(MINUTE)
          expect(yield* ticksOf(id)).toEqual(ticks)
        })
      )
      yield* life(
        path,
        Effect.gen(function* () {
          expect(yield* ticksOf(id)).toEqual(ticks)
        })
      )
    })
  )
})

describe("alarms", () => {
  it.effect(
    "of delays, waits for retries and timeouts go off at once when they passed, and else at their instants",
    () =>
      Effect.gen(function* () {
        const path = file()
        const first = yield* opened({ file: path })
        const { submit } = first.store
        const delayed = [
          yield* submit(newRun(single, { delayMillis: 10_000 })),
          yield* submit(newRun(single, { delayMillis: 30_000 }))
        ]
        const timedOut = [
          yield* submit(newRun(chain, { timeoutMillis: 15_000, priority: -1 })),
          yield* submit(newRun(chain, { timeoutMillis: 40_000, priority: -1 }))
        ]
        const retried = [yield* submit(newRun(single)), yield* submit(newRun(single))]
        const claims = yield* first.store.claim({ ...request, max: 2 })
        expect(claims.map(({ runId }) => runId)).toEqual(retried)
        const { error } = broken as Extract<typeof broken, { readonly _tag: "Failed" }>
        yield* first.store.settle(
          claims.map((claim, at) => ({
            claim,
            outcome: { _tag: "Retried", error, waitMillis: 12_000 + 20_000 * at } as const
          }))
        )
        yield* first.close
        yield* TestClock.adjust(20_000)

        const { store, close } = yield* opened({ file: path })
        const statusOf = (id: string) => Effect.map(store.get(id), ({ status }) => status)
        const claimed = () =>
          Effect.map(store.settle([], request), (settled) => settled.claims.map(({ runId }) => runId))
        expect(yield* store.get(timedOut[0]!)).toMatchObject({ status: "FAILED", error: { name: "RunTimedOut" } })
        expect((yield* claimed()).sort()).toEqual([delayed[0]!, retried[0]!, timedOut[1]!].sort())
        yield* TestClock.adjust(9_999)
        expect(yield* claimed()).toEqual([])
        yield* TestClock.adjust(1)
        expect(yield* claimed()).toEqual([delayed[1]])
        yield* TestClock.adjust(1_999)
        expect(yield* claimed()).toEqual([])
        yield* TestClock.adjust(1)
        expect(yield* claimed()).toEqual([retried[1]])
        yield* TestClock.adjust(7_999)
        expect(yield* statusOf(timedOut[1]!)).toBe("RUNNING")
        yield* TestClock.adjust(1)
        expect(yield* statusOf(timedOut[1]!)).toBe("FAILED")
        yield* close
      })
  )
})

const isNode = process.env["TEST_RUNTIME"] === "node"
if (!isNode) console.log("A process that was killed an hour ago: tested from Node only; skipped here")

describe.runIf(isNode)("a process that was killed an hour ago", () => {
  it.live("leaves what became due meanwhile to the next one", () =>
    Effect.promise(async () => {
      const path = file()
      const child = spawn(process.execPath, [join(import.meta.dirname, "Past.ts"), path], {
        env: { ...process.env, CLOCK_OFF: String(-60 * MINUTE) }
      })
      let printed = ""
      const ready = new Promise<void>((resolve, reject) => {
        child.stdout.on("data", (chunk: Buffer) => {
          printed += chunk.toString()
          if (printed.includes("\n")) resolve()
        })
        child.stderr.on("data", (chunk: Buffer) => reject(new Error(chunk.toString())))
      })
      await ready
      child.kill("SIGKILL")
      await once(child, "exit")
      const { soon, late, timedOut } = JSON.parse(printed) as Record<string, string>
      const levada = Levada.make({
        pipelines: [pipeline],
        access: Access.open,
        store: SqliteStore.layer({ file: path })
      })
      expect(await levada.result(pipeline, soon!)).toBe(1)
      expect(await levada.run(late!)).toMatchObject({ status: "PENDING" })
      expect(await levada.run(timedOut!)).toMatchObject({ status: "FAILED", error: { name: "RunTimedOut" } })
      const ticks = async (): Promise<number> => {
        const { runs } = await levada.runs({ limit: 500 })
        const started = runs.filter(({ schedule }) => schedule?.id === "minutes").length
        return started >= 59 ? started : Effect.runPromise(Effect.sleep(20)).then(ticks)
      }
      expect(await ticks()).toBeLessThanOrEqual(61)
      await levada.close()
    })
  )
})
