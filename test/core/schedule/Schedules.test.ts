import { it as effectIt } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import { afterEach, describe, expect, it } from "vitest"
import {
  Access,
  Levada,
  Operations,
  Pipeline,
  Principal,
  Registry,
  Scheduler,
  Services,
  Store,
  Task
} from "../../../adapters/promise/index.ts"
import { Testing } from "../../../adapters/testing/index.ts"

const N = Schema.Number
const { host } = Principal
const MINUTE = 60_000
let testing: Testing.Testing | undefined
afterEach(() => testing?.close())

const work = Task.make("work", { input: { n: N }, output: { m: N }, run: ({ n }) => ({ m: n }) })
const pipeline = Pipeline.make("p", [work])

const everyMinute = (
  more: Partial<Operations.NewSchedule> & { readonly parameters?: { readonly n: number } } = {}
) => ({
  ...Levada.schedule(pipeline, { id: "s", timing: { everyMillis: MINUTE }, parameters: { n: 1 }, ...more })
})

const runs = async () => (await testing!.ask((operations) => operations.runs(host, { limit: 1_000 }))).runs
const ticksOf = async () => (await runs()).map(({ schedule }) => schedule!.tickMillis / MINUTE).reverse()
const scheduleOf = (id = "s") => testing!.ask((operations) => operations.schedule(host, id))

describe("a schedule", () => {
  it("starts a run at each of its instants, with its parameters and priority; the run knows its instant", async () => {
    testing = await Testing.make({ pipelines: [pipeline], schedules: [everyMinute({ priority: 5 })] })
    await testing.advance(3 * MINUTE - 1)
    expect(await ticksOf()).toEqual([1, 2])
    await testing.advance(1)
    expect(await ticksOf()).toEqual([1, 2, 3])
    expect(await testing.look((await runs())[0]!.id)).toMatchObject({
      status: "COMPLETED",
      parameters: { n: "1" },
      priority: 5,
      schedule: { id: "s", tickMillis: 3 * MINUTE },
      startedAtMillis: 3 * MINUTE
    })
    expect(await scheduleOf()).toMatchObject({
      fired: 3,
      skipped: 0,
      lastAtMillis: 3 * MINUTE,
      nextAtMillis: 4 * MINUTE,
      lastRunId: (await runs())[0]!.id
    })
  })

  it("by cron and zone starts at the right instants", async () => {
    const cron = Levada.schedule(pipeline, {
      id: "c",
      timing: {
        cron: "0 3 * * *",
        timeZone: "Asia/Tokyo"
      },
      parameters: { n: 1 }
    })
    testing = await Testing.make({ pipelines: [pipeline], schedules: [cron], store: { historyMillis: 0 } })
    await testing.advance(48 * 60 * MINUTE)
    expect((await runs()).map(({ startedAtMillis }) => new Date(startedAtMillis!).toISOString()).reverse()).toEqual([
      "1970-01-01T18:00:00.000Z",
      "1970-01-02T18:00:00.000Z"
    ])
  })

  it("while paused skips its instants, and continues with the next one when resumed; a removed one is gone", async () => {
    testing = await Testing.make({
      pipelines: [pipeline],
      schedules: [everyMinute({ catchUp: "all", overlap: "allow" })]
    })
    await testing.advance(MINUTE)
    expect(await testing.ask((operations) => operations.pauseSchedule(host, "s"))).toMatchObject({ paused: true })
    await testing.advance(5 * MINUTE + 1)
    expect(await ticksOf()).toEqual([1])
    expect(await testing.ask((operations) => operations.resumeSchedule(host, "s"))).toMatchObject({
      paused: false,
      nextAtMillis: 7 * MINUTE
    })
    await testing.advance(MINUTE)
    expect(await ticksOf()).toEqual([1, 7])
    await testing.ask((operations) => operations.removeSchedule(host, "s"))
    await testing.advance(5 * MINUTE)
    expect(await ticksOf()).toEqual([1, 7])
    await expect(testing.ask((operations) => operations.schedule(host, "s"))).rejects.toMatchObject({
      _tag: "ScheduleNotFound"
    })
    expect(await testing.ask((operations) => operations.schedules(host))).toEqual([])
  })

  it("made again with the same content is the same schedule; different content under its id is refused, or replaces it", async () => {
    testing = await Testing.make({ pipelines: [pipeline] })
    const add = (schedule: ReturnType<typeof everyMinute>, replace?: boolean) =>
      testing!.ask((operations) => operations.addSchedule(host, schedule, replace))
    const first = await add(everyMinute())
    await testing.advance(MINUTE)
    expect(await add(everyMinute())).toMatchObject({ fired: 1, createdAtMillis: first.createdAtMillis })
    await expect(add(everyMinute({ overlap: "allow" }))).rejects.toMatchObject({
      _tag: "ScheduleExists",
      scheduleId: "s"
    })
    expect(await add(everyMinute({ overlap: "allow" }), true)).toMatchObject({
      fired: 0,
      overlap: "allow",
      nextAtMillis: 2 * MINUTE
    })
    expect(await testing.ask((operations) => operations.schedules(host))).toHaveLength(1)
  })

  it("gets an id if it has none", async () => {
    testing = await Testing.make({ pipelines: [pipeline] })
    const { id: _, ...anonymous } = everyMinute()
    const [one, two] = await Promise.all(
      [1, 2].map(() => testing!.ask((operations) => operations.addSchedule(host, anonymous)))
    )
    expect(one!.id).not.toBe(two!.id)
  })

  it("with parameters that do not fit, or of an unknown pipeline, is refused", async () => {
    testing = await Testing.make({ pipelines: [pipeline] })
    await expect(
      testing.ask((operations) => operations.addSchedule(host, everyMinute({ parameters: { n: "x" as never } })))
    ).rejects.toMatchObject({ _tag: "ParametersInvalid" })
    await expect(
      testing.ask((operations) => operations.addSchedule(host, { ...everyMinute(), pipelineId: "none" }))
    ).rejects.toMatchObject({ _tag: "PipelineNotFound" })
    expect(await testing.ask((operations) => operations.schedules(host))).toEqual([])
  })
})

describe("overlap", () => {
  const overlapping = async (overlap: "allow" | "skip" | "queue") => {
    testing = await Testing.make({
      pipelines: [pipeline],
      schedules: [everyMinute({ overlap })],
      delay: { work: 2.5 * MINUTE }
    })
    await testing.advance(6.25 * MINUTE)
    return [...(await runs())]
      .reverse()
      .map(({ schedule, status, startedAtMillis }) => [
        schedule!.tickMillis / MINUTE,
        status,
        startedAtMillis === undefined ? undefined : startedAtMillis / MINUTE
      ])
  }

  it("allow: another run starts beside the unfinished one", async () => {
    expect(await overlapping("allow")).toEqual([
      [1, "COMPLETED", 1],
      [2, "COMPLETED", 2],
      [3, "COMPLETED", 3],
      [4, "RUNNING", 4],
      [5, "RUNNING", 5],
      [6, "RUNNING", 6]
    ])
  })

  it("skip: no run for that instant, and the skip is counted", async () => {
    expect(await overlapping("skip")).toEqual([
      [1, "COMPLETED", 1],
      [4, "RUNNING", 4]
    ])
    expect(await scheduleOf()).toMatchObject({ fired: 2, skipped: 4 })
  })

  it("queue: runs wait their turn, one after the other", async () => {
    expect(await overlapping("queue")).toEqual([
      [1, "COMPLETED", 1],
      [2, "COMPLETED", 3.5],
      [3, "RUNNING", 6],
      [4, "PENDING", undefined],
      [5, "PENDING", undefined],
      [6, "PENDING", undefined]
    ])
  })
})

describe("catching up", () => {
  it.each([
    ["skip", [], 5],
    ["one", [5], 4],
    ["all", [1, 2, 3, 4, 5], 0]
  ] as const)("%s, when no server was running", async (catchUp, expected, skipped) => {
    // Time jumps over five instants, as after a machine has slept.
    const seen = await Effect.runPromise(
      Effect.gen(function* () {
        const store = yield* Store.Store
        const operations = yield* Operations.Operations
        yield* operations.addSchedule(host, { ...everyMinute({ catchUp, overlap: "allow", graceMillis: 1_000 }) })
        yield* TestClock.adjust(5.5 * MINUTE)
        yield* Effect.scoped(
          Effect.andThen(
            Layer.build(Layer.provide(Scheduler.layer, Registry.layer({ pipelines: [pipeline] }))),
            TestClock.adjust(1)
          )
        )
        const { runs: list } = yield* store.list({ limit: 100 })
        return [
          list.map(({ schedule }) => schedule!.tickMillis / MINUTE).reverse(),
          (yield* operations.schedule(host, "s")).skipped
        ]
      }).pipe(Effect.provide(Layer.provideMerge(services, TestClock.layer())))
    )
    expect(seen).toEqual([expected, skipped])
  })
})

const services = Operations.layer.pipe(
  Layer.provideMerge(Services.layer({ pipelines: [pipeline], access: Access.open })),
  Layer.provideMerge(Store.layerMemory())
)

describe("many servers on one Store", () => {
  effectIt.effect("start one run for each instant, however many servers watch", () =>
    Effect.gen(function* () {
      const store = yield* Store.Store
      const operations = yield* Operations.Operations
      yield* operations.addSchedule(host, everyMinute({ overlap: "allow" }))
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* Effect.forEach(Array.from({ length: 10 }), () => Layer.build(Layer.fresh(Scheduler.layer)))
          yield* TestClock.adjust(20 * MINUTE)
        })
      )
      const { runs: list } = yield* store.list({ limit: 100 })
      expect(list.map(({ schedule }) => schedule!.tickMillis / MINUTE).reverse()).toEqual(
        Array.from({ length: 20 }, (_, at) => at + 1)
      )
    }).pipe(Effect.provide(services))
  )

  effectIt.effect("a server without the pipeline leaves the schedule to others", () =>
    Effect.gen(function* () {
      const store = yield* Store.Store
      const operations = yield* Operations.Operations
      yield* operations.addSchedule(host, everyMinute({ catchUp: "one" }))
      const stranger = Layer.provide(Layer.fresh(Scheduler.layer), Registry.layer({ pipelines: [] }))
      yield* Effect.scoped(Effect.andThen(Layer.build(stranger), TestClock.adjust(3 * MINUTE)))
      expect((yield* store.list({ limit: 9 })).runs).toEqual([])
      yield* Effect.scoped(Effect.andThen(Layer.build(Layer.fresh(Scheduler.layer)), TestClock.adjust(1)))
      expect((yield* store.list({ limit: 9 })).runs).toHaveLength(1)
    }).pipe(Effect.provide(services))
  )
})

describe("a schedule of a pipeline that has changed", () => {
  effectIt.effect("is paused when its parameters no longer fit, and the log says why", () =>
    Effect.gen(function* () {
      const operations = yield* Operations.Operations
      yield* operations.addSchedule(host, {
        ...everyMinute(),
        given: {
          outputs: () => undefined as never,
          parameters: () => ({ _tag: "Success", success: { n: '"text"' } }) as never
        }
      } as never)
      yield* Effect.scoped(Effect.andThen(Layer.build(Layer.fresh(Scheduler.layer)), TestClock.adjust(2 * MINUTE)))
      expect(yield* operations.schedule(host, "s")).toMatchObject({ paused: true, fired: 0 })
    }).pipe(Effect.provide(services))
  )
})
