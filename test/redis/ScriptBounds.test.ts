/** Each call of a script reads a bounded number of entries, whatever the Store contains. One table has the bounds. */
import * as Effect from "effect/Effect"
import { beforeAll, expect, inject, test } from "vitest"
import type { Store } from "../../adapters/promise/index.ts"
import { RedisDoctor, RedisStore } from "../../adapters/redis/index.ts"
import type { ScriptName } from "../../adapters/redis/lua/LuaCommands.ts"
import { SCRIPTS } from "../../adapters/redis/lua/LuaCommands.ts"
import * as Version from "../../core/pipeline/Version.ts"
import type { Schedule } from "../../core/run/Schedule.ts"
import { done, newRun, PIPELINE, planOf, single, VERSION } from "../conformance/store/harness/StoreDriver.ts"
import { client } from "./Resources.ts"
import { countLooks, lateReads, looked } from "./ScriptReads.ts"

const url = inject("redisUrl")
const shared = test.skipIf(url === undefined)
let count = 0

const isFull = process.env["LEVADA_BYTES"] === "full"

/** The full figure, or a smaller one that reads as much in one call. */
const figure = (full: number, small: number): number => (isFull ? full : small)

/**
 * How many fields, members, elements and sizes one call may read. An act reads 500 units at most, and some fields of each: the
 * header of its run, its lease, the input counts of the steps that wait for it.
 */
const MOST: Readonly<Record<ScriptName, number>> = {
  submit: 3_000,
  plan: 10,
  aside: 10,
  work: 6_000,
  renew: 600,
  note: 3_500,
  cancel: 1_500,
  cancelStep: 2_000,
  remove: 500,
  resume: 500,
  retain: 1_000,
  tick: 3_000,
  todo: 2_500,
  mend: 1_000,
  gone: 250,
  now: 10,
  take: 20,
  keepToken: 10,
  look: 520,
  fields: 520,
  sizes: 520,
  lines: 520,
  list: 520,
  leases: 520,
  scan: 520,
  keep: 10,
  records: 520,
  putSchedule: 30,
  getSchedule: 30,
  readSchedules: 1_000,
  dropSchedule: 10,
  pauseSchedule: 30,
  dueSchedules: 1_100,
  fireSchedule: 1_500
}

/** The most that one call of each script has read in this file. */
const seen: Record<string, number> = {}

/** Runs `body` with a Store of its own, then compares the reads of its scripts with the bounds. */
const looking = (
  body: (store: Store.Store, prefix: string) => Effect.Effect<void, unknown>,
  more: RedisStore.Options = {}
): (() => Promise<void>) => {
  return async () => {
    const prefix = `looking-work-${process.pid}-${++count}`
    const making = RedisStore.make({ url: url!, prefix, leaseMillis: 60_000, ...more })
    await Effect.runPromise(
      Effect.scoped(Effect.flatMap(making, (store) => body(store, prefix))) as Effect.Effect<void>
    )
    const all = await looked(client(url!), prefix)
    for (const [name, most] of Object.entries(all)) seen[name] = Math.max(seen[name] ?? 0, most)
    const past = Object.entries(all).filter(([name, most]) => most > MOST[name as ScriptName])
    if (isFull || process.env["LOOKS"]) console.log(prefix, JSON.stringify(all))
    expect(past).toEqual([])
    // A script that fails while it reads has changed nothing.
    expect(await lateReads(client(url!), prefix)).toEqual([])
  }
}

const submitMany = (store: Store.Store, many: number, run: (at: number) => Store.NewRun) =>
  Effect.forEach(
    Array.from({ length: many }, (_, at) => at),
    (at) => store.submit(run(at)),
    { concurrency: 4_000 }
  )

const versions = new Set([Version.key(PIPELINE, VERSION)])

const request = (max = 500, of: ReadonlySet<string> = versions): Store.ClaimRequest => ({
  worker: "w1",
  max,
  versions: of
})

/** Settles, and returns the claims that come with that, without waiting. */
const settleAll = (
  store: Store.Store,
  claims: ReadonlyArray<Store.Claim>,
  outcome: (claimed: Store.Claim) => Store.Outcome,
  next?: Store.ClaimRequest
) =>
  Effect.map(
    store.settle(
      claims.map((claimed) => ({ claim: claimed, outcome: outcome(claimed) })),
      next
    ),
    (settled) => settled.claims
  )

const giving = ({ step }: Store.Claim): Store.Outcome => done({ [step]: "1" })

/** Claims and settles all ready work, in rounds. */
const workOff = (store: Store.Store, rounds: number, of: Store.ClaimRequest = request()) =>
  Effect.gen(function* () {
    let claims = yield* store.claim(of)
    for (let round = 0; round < rounds && claims.length > 0; round++) {
      claims = yield* settleAll(store, claims, giving, of)
    }
    return claims
  })

const LONG = { timeout: isFull ? 600_000 : 60_000 }

beforeAll(countLooks)

shared(
  "100,000 runs behind a full limit of runs",
  LONG,
  looking((store, prefix) =>
    Effect.gen(function* () {
      const limits = [{ key: "runs:p", max: 2 }]
      const ids = yield* submitMany(store, figure(100_000, 100_000), () => newRun(single, { limits }))
      const claims = yield* store.claim(request())
      expect(claims).toHaveLength(2)
      yield* store.renew(claims)
      yield* store.note(claims.map((claimed) => ({ claim: claimed, line: { level: "info", message: "m" } })))
      yield* settleAll(store, claims, giving)
      yield* workOff(store, 20)
      yield* store.cancel(ids[50_000]!, "enough")
      yield* store.pause(PIPELINE)
      yield* store.resume(PIPELINE)
      for (const status of ["PENDING", "RUNNING", "COMPLETED", "CANCELLED"] as const) {
        const page = yield* store.list({ statuses: [status], limit: 20 })
        if (page.nextCursor) yield* store.list({ statuses: [status], limit: 20, cursor: page.nextCursor })
      }
      yield* store.get(ids[0]!)
      yield* store.lines(ids[0]!)
      yield* store.load
      yield* store.workers
      yield* store.now
      const { unfinished } = yield* RedisDoctor.examine({ url: url!, prefix })
      expect(unfinished).toBeGreaterThan(90_000)
    })
  )
)

shared(
  "a backlog behind a full limit of a task, and behind one memo key",
  LONG,
  looking((store) =>
    Effect.gen(function* () {
      const many = figure(50_000, 4_000)
      const [step] = single.steps
      const narrow = { ...single, steps: [{ ...step!, limits: [{ key: "k", max: 1 }] }] }
      yield* submitMany(store, many, () => newRun(narrow))
      yield* workOff(store, 20)
      const probed = { ...single, steps: [{ ...step!, probed: true }] }
      yield* submitMany(store, many, () => newRun(probed, { pipelineId: "q" }))
      const of = request(500, new Set([Version.key("q", VERSION)]))
      let lent: ReadonlyArray<Store.Claim> = []
      for (let left = many; left > 0; ) {
        const claims = yield* store.claim(of)
        const probes = claims.filter(({ phase }) => phase === "probe")
        lent = [...lent, ...claims.filter(({ phase }) => phase === "run")]
        left -= probes.length
        yield* settleAll(store, probes, () => ({ _tag: "Probed", limits: [], memo: { text: "same", ttlMillis: 0 } }))
        if (probes.length === 0) break
      }
      if (lent.length === 0) lent = yield* store.claim(of)
      expect(lent).toHaveLength(1)
      yield* settleAll(store, lent, giving, of)
      for (let round = 0; round < 20; round++) yield* settleAll(store, [], giving, of)
    })
  )
)

const fanOf = (many: number) => {
  const names = Array.from({ length: many }, (_, at) => `s${at}`)
  return planOf({ a: [], ...Object.fromEntries(names.map((name) => [name, ["a"]])), z: names })
}

shared(
  "a fan of 10,000 steps and its join: run, cancelled, one step cancelled, examined by the doctor, and forgotten",
  LONG,
  looking(
    (store, prefix) =>
      Effect.gen(function* () {
        const plan = fanOf(figure(10_000, 10_000))
        const run = yield* store.submit(newRun(plan))
        yield* workOff(store, figure(100, 8))
        const cancelled = yield* store.submit(newRun(plan))
        yield* workOff(store, 2)
        yield* store.cancel(cancelled, "enough")
        const skipped = yield* store.submit(newRun(plan, { onFailure: "continue" }))
        yield* store.cancelStep(skipped, "a", "enough")
        const late = yield* store.submit(newRun(plan, { timeoutMillis: 30 }))
        yield* store.wait(late)
        yield* store.get(run)
        yield* store.outline(run)
        yield* RedisDoctor.examine({ url: url!, prefix, leaseMillis: 1 })
        yield* RedisDoctor.mend({ url: url!, prefix, leaseMillis: 1 })
        yield* store.cancel(run, "enough")
        // Ticks work off the rest.
        const redis = client(url!)
        while ((yield* Effect.promise(() => redis.exists(`{${prefix}}:todo`))) === 1) yield* Effect.sleep(20)
        yield* store.remove(cancelled)
      }),
    { historyCount: 100 }
  )
)

shared(
  "a map of 10,000 items: run, with failed items, cancelled, listed and forgotten",
  LONG,
  looking((store, prefix) =>
    Effect.gen(function* () {
      const many = 10_000
      const [step] = planOf({ a: [] }).steps
      const expands = { inOrder: false, max: many, outputs: ["a"], lists: [], onFailure: "skip" as const }
      const plan = { ...single, steps: [{ ...step!, expands }] }
      const units = Array.from({ length: many }, (_, at) => String(at))
      const failed: Store.Outcome = { _tag: "Failed", error: { name: "E", message: "m" } }
      for (const rounds of [1_000, 3]) {
        const run = yield* store.submit(newRun(plan))
        const source = yield* store.claim(request(1))
        let claims = yield* settleAll(
          store,
          source,
          () => ({ _tag: "Expanded", units, count: many, size: 1 }),
          request()
        )
        for (let round = 0; round < rounds; round++) {
          claims = yield* settleAll(
            store,
            claims,
            ({ item }) => (item!.index % 100 === 7 ? failed : done({ a: "1" })),
            request()
          )
          if (claims.length === 0) claims = yield* settleAll(store, [], giving, request())
          if (claims.length === 0) break
        }
        yield* store.items({ runId: run, step: "a", limit: 500 })
        yield* RedisDoctor.examine({ url: url!, prefix, leaseMillis: 1 })
        if (rounds === 3) yield* store.cancel(run, "enough")
        const { status } = yield* store.wait(run)
        expect(status).toBe(rounds === 3 ? "CANCELLED" : "COMPLETED")
        yield* store.remove(run)
      }
    })
  )
)

shared(
  "ready work of 200 pipelines, each with more than one claim takes",
  LONG,
  looking((store) =>
    Effect.gen(function* () {
      const ids = Array.from({ length: 200 }, (_, at) => `p${at}`)
      yield* submitMany(store, 200 * figure(500, 120), (at) => newRun(single, { pipelineId: ids[at % 200]! }))
      const all = new Set(ids.map((id) => Version.key(id, VERSION)))
      const claims = yield* workOff(store, 5, request(500, all))
      expect(claims.length).toBeGreaterThan(400)
      yield* store.renew(claims)
      yield* store.note(
        claims.map((claimed) => ({
          claim: claimed,
          progress: { done: 1, total: 2 },
          line: { level: "info", message: "m" }
        }))
      )
      yield* workOff(store, 5, request(10, all))
      yield* store.load
      yield* store.workers
      yield* Effect.sleep(1_200)
    })
  )
)

shared(
  "limits held by large runs of a version that no worker has",
  LONG,
  looking((store, prefix) =>
    Effect.gen(function* () {
      const limits = [{ key: "runs:p", max: 100 }]
      // Each has a step that is leased to a lost worker: these runs keep their places, and each act reads them again.
      yield* submitMany(store, 100, () => newRun(fanOf(398), { limits, version: "old" }))
      yield* submitMany(store, 200, () => newRun(single, { limits }))
      const old = request(100, new Set([Version.key(PIPELINE, "old")]))
      const gone = RedisStore.make({ url: url!, prefix, leaseMillis: 60_000 })
      yield* Effect.scoped(Effect.flatMap(gone, ({ claim }) => claim({ ...old, worker: "gone" })))
      // A worker of another version wants the places of runs whose version no worker has.
      yield* store.pause(PIPELINE)
      yield* store.settle([], request(100))
      yield* Effect.repeat(
        Effect.delay(
          Effect.map(store.load, ({ workers }) => workers > 0),
          20
        ),
        { until: (is) => is }
      )
      yield* store.resume(PIPELINE)
      yield* Effect.sleep(1_200)
    })
  )
)

shared(
  "thousands of runs that start, time out and lose their leases at the same time",
  LONG,
  looking(
    (store) =>
      Effect.gen(function* () {
        const many = 3_000
        yield* submitMany(store, many, () => newRun(single, { delayMillis: 100 }))
        const late = yield* submitMany(store, many, () =>
          newRun(planOf({ a: [], b: ["a"] }), { timeoutMillis: 1_500, pipelineId: "late" })
        )
        const of = request(500, new Set([...versions, Version.key("late", VERSION)]))
        for (let round = 0; round < 6; round++) yield* store.settle([], of)
        yield* store.wait(late.at(-1)!)
        yield* Effect.sleep(1_000)
      }),
    { leaseMillis: 1_000 }
  )
)

shared(
  "retention of thousands of runs with values in a blob store",
  LONG,
  looking(
    (store, prefix) =>
      Effect.gen(function* () {
        yield* submitMany(store, 3_000, () => newRun(single, { parameters: { x: '"text"' } }))
        yield* workOff(store, 10)
        const redis = client(url!)
        yield* Effect.promise(async () => {
          await expect.poll(() => redis.zcard(`{${prefix}}:ended`), { timeout: 20_000 }).toBeLessThan(20)
        })
        yield* Effect.sleep(600)
      }),
    {
      historyCount: 10,
      blobs: { threshold: 1, put: async () => crypto.randomUUID(), get: async () => "1", remove: async () => undefined }
    }
  )
)

const scheduleOf = (id: string, nextAtMillis: number): Schedule => ({
  id,
  pipelineId: PIPELINE,
  version: VERSION,
  timing: { everyMillis: 1_000 },
  parameters: {},
  catchUp: "all",
  overlap: "skip",
  priority: 0,
  graceMillis: 0,
  createdAtMillis: nextAtMillis,
  paused: false,
  nextAtMillis,
  lastAtMillis: undefined,
  lastRunId: undefined,
  fired: 0,
  skipped: 0
})

shared(
  "1,000 due schedules, one of them with 1,000 unfinished runs",
  LONG,
  looking((store) =>
    Effect.gen(function* () {
      const { schedules } = store
      const now = yield* store.now
      yield* Effect.forEach(
        Array.from({ length: 1_000 }, (_, at) => at),
        (at) => schedules.put(scheduleOf(`s${at}`, now - 10_000 + at), false),
        { concurrency: 100 }
      )
      const due = yield* schedules.due(() => 0)
      expect(due.length).toBeLessThanOrEqual(100)
      const run = (at: number) =>
        newRun(single, { schedule: { id: "s0", tickMillis: at } as NonNullable<Store.NewRun["schedule"]> })
      let schedule = due[0]!.schedule
      for (const overlap of ["allow", "allow", "skip"] as const) {
        const nextAtMillis = schedule.nextAtMillis + 1
        yield* schedules.fire({
          schedule,
          version: VERSION,
          runs: Array.from({ length: 100 }, (_, at) => run(at)),
          dropped: 0,
          nextAtMillis
        })
        schedule = yield* schedules.put({ ...schedule, nextAtMillis, overlap }, true)
      }
      yield* schedules.list
      yield* schedules.get("s1")
      yield* schedules.pause("s1")
      yield* schedules.resume("s1", now + 1)
      yield* schedules.remove("s1")
    })
  )
)

shared(
  "tables, tokens, rate limits and audit records",
  LONG,
  looking((store) =>
    Effect.gen(function* () {
      const { acls, tokens, limiter, audit, definitions } = store
      const each = Array.from({ length: 2_000 }, (_, at) => at)
      const many = { concurrency: 100, discard: true } as const
      yield* Effect.forEach(each, (at) => acls.put(`p${at}`, { read: ["a"] }), many)
      expect((yield* acls.list).size).toBe(2_000)
      yield* definitions.list
      yield* Effect.forEach(each, (at) => tokens.put(`t${at}`, { id: "a", roles: [] }, 60_000), many)
      const record = { operation: "x", permission: "read", outcome: "allowed" } as const
      yield* Effect.forEach(each.slice(0, 600), () => audit.append(record), many)
      yield* audit.list({ limit: 1_000 })
      // Two thousand permits are free again at once.
      const rate = { permits: 5_000, periodMillis: 1_000 }
      yield* Effect.forEach(each, () => limiter.take("key", rate), many)
      yield* Effect.sleep(900)
      yield* limiter.take("key", rate)
      yield* Effect.sleep(600)
      expect((yield* limiter.take("key", rate)).remaining).toBeGreaterThan(4_900)
    })
  )
)

shared("every script is in the table and was measured", () => {
  expect(Object.keys(MOST).sort()).toEqual(Object.keys(SCRIPTS).sort())
  expect(Object.keys(SCRIPTS).filter((name) => seen[name] === undefined)).toEqual([])
})
