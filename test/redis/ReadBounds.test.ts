/** Each call of a reading script reads a bounded number of entries, and lists are still complete. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import type { Redis } from "ioredis"
import { beforeAll, expect, inject, test } from "vitest"
import { type Levada, Pipeline, type Store, Task } from "../../adapters/promise/index.ts"
import { RedisStore } from "../../adapters/redis/index.ts"
import { cases } from "../cases.ts"
import { doubling } from "./Gate.ts"
import { ask, client, levada } from "./Resources.ts"
import { countLooks, looked } from "./ScriptReads.ts"

const url = inject("redisUrl")
const shared = test.skipIf(url === undefined)
let count = 0

/** A prefix that no other test uses. */
const here = () => ({ url: url!, prefix: `looking-${process.pid}-${++count}` })

/** How many entries a call may read. */
const MOST = 520

type Status = "PENDING" | "RUNNING" | "COMPLETED" | "FAILED" | "CANCELLED"

const STATUSES: ReadonlyArray<Status> = ["PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"]

/** Sets of statuses whose runs are in several indexes. */
const SEVERAL: ReadonlyArray<ReadonlyArray<Status>> = [
  ["PENDING", "RUNNING"],
  ["PENDING", "FAILED", "CANCELLED"],
  ["PENDING", "COMPLETED"],
  ["RUNNING", "COMPLETED", "CANCELLED"],
  ["FAILED", "CANCELLED"],
  ["COMPLETED", "FAILED", "CANCELLED"]
]

interface Filled {
  readonly id: string
  readonly pipelineId: string
  readonly status: Status
}

const HEADS = { PENDING: "P", RUNNING: "R", COMPLETED: "C", FAILED: "F", CANCELLED: "X" } as const

const ENDS = {
  COMPLETED: '["RC",2]',
  FAILED: '["RF",2,{"name":"E","message":"no"}]',
  CANCELLED: '["RX",2,"no"]'
} as const

const INDEXES = {
  PENDING: [],
  RUNNING: ["running"],
  COMPLETED: [],
  FAILED: ["failed"],
  CANCELLED: ["cancelled"]
} as const

const other = Pipeline.make("other", [
  Task.make("double", {
    input: { n: Schema.Number },
    output: { doubled: Schema.Number },
    run: ({ n }) => ({ doubled: 2 * n })
  })
])

/** Writes runs directly into the keys, oldest first. Returns them newest first. */
const fill = async (
  redis: Redis,
  store: { readonly url: string; readonly prefix: string },
  runs: ReadonlyArray<readonly [Status, "doubling" | "other"]>
): Promise<ReadonlyArray<Filled>> => {
  const prefix = `{${store.prefix}}:`
  const made = levada([doubling, other], store, { worker: false })
  // One real run of each pipeline sends its plan, and stays as the oldest.
  const filled: Array<Filled> = []
  const plans: Record<string, string> = {}
  for (const pipeline of [doubling, other]) {
    const id = await made.start(pipeline, { n: 1 })
    plans[pipeline.id] = (await redis.hget(`${prefix}r:${id}`, "h"))!.split("|").at(-1)!
    filled.push({ id, pipelineId: pipeline.id, status: "PENDING" })
    const score = (await redis.zscore(`${prefix}all`, id))!
    await redis.zadd(`${prefix}unfinished:${pipeline.id}`, score, id)
  }
  const first = Number(await redis.zscore(`${prefix}all`, filled[1]!.id))
  for (let from = 0; from < runs.length; from += 5_000) {
    const writing = redis.pipeline()
    for (const [at, [status, pipelineId]] of runs.slice(from, from + 5_000).entries()) {
      const number = from + at + 1
      const id = `run${String(number).padStart(9, "0")}`
      const events = status === "PENDING" ? [] : status === "RUNNING" ? ['["RS",1]'] : ['["RS",1]', ENDS[status]]
      const header = `${HEADS[status]}|1|${events.length}|1|0||1|f|0|${plans[pipelineId]}`
      const fields = ["h", header, "m", "1", "vn", "1", ...events.flatMap((text, place) => [String(place + 1), text])]
      writing.hset(`${prefix}r:${id}`, ...fields)
      const isOver = status !== "PENDING" && status !== "RUNNING"
      for (const index of ["all", ...(isOver ? [] : ["unfinished"]), ...INDEXES[status]]) {
        writing.zadd(`${prefix}${index}`, first + number, id)
        writing.zadd(`${prefix}${index}:${pipelineId}`, first + number, id)
      }
      filled.push({ id, pipelineId, status })
    }
    await writing.exec()
  }
  return filled.reverse()
}

/** All ids of a list, page by page. */
const walk = async (made: Levada.Levada, request: Partial<Store.ListRequest>): Promise<ReadonlyArray<string>> => {
  const ids: Array<string> = []
  let cursor: string | undefined
  do {
    const { runs, nextCursor } = await made.runs({ ...request, ...(cursor !== undefined && { cursor }) })
    ids.push(...runs.map(({ id }) => id))
    cursor = nextCursor
  } while (cursor !== undefined)
  return ids
}

const idsOf = (
  all: ReadonlyArray<Filled>,
  { pipelineId, statuses }: Partial<Store.ListRequest>
): ReadonlyArray<string> =>
  all
    .filter((run) => (pipelineId ?? run.pipelineId) === run.pipelineId && (statuses ?? STATUSES).includes(run.status))
    .map(({ id }) => id)

const expectFew = async (redis: Redis, prefix: string, ...names: ReadonlyArray<string>): Promise<void> => {
  const all = await looked(redis, prefix)
  for (const name of names) {
    expect(all[name], name).toBeGreaterThan(0)
    expect(all[name], name).toBeLessThanOrEqual(MOST)
  }
}

beforeAll(countLooks)

shared(
  "among 100,000 runs, each call reads at most 500 entries, and lists are complete",
  { timeout: 60_000 },
  async () => {
    const store = here()
    const redis = client(url!)
    // From the oldest on: some of each status, many failed runs, and a backlog.
    const runs = Array.from({ length: 100_000 }, (_, at): readonly [Status, "doubling" | "other"] => {
      const pipelineId = at % 3 === 0 ? "other" : "doubling"
      if (at < 40_000) return [STATUSES[2 + (at % 3)]!, pipelineId]
      if (at < 70_000) return ["FAILED", pipelineId]
      return [at % 7_000 === 0 ? "RUNNING" : "PENDING", pipelineId]
    })
    const all = await fill(redis, store, runs)
    const made = levada([doubling, other], store, { worker: false })
    for (const request of [{ statuses: ["RUNNING"] }, { statuses: ["RUNNING"], pipelineId: "other" }] as const) {
      expect(await walk(made, { ...request, limit: 100 })).toEqual(idsOf(all, request))
    }
    for (const pipelineId of [undefined, "doubling", "other"]) {
      for (const statuses of [undefined, ...STATUSES.map((status) => [status]), ...SEVERAL]) {
        const request = { ...(pipelineId && { pipelineId }), ...(statuses && { statuses }) }
        const { runs, nextCursor } = await made.runs({ ...request, limit: 20 })
        const ids = idsOf(all, request)
        expect(
          runs.map(({ id }) => id),
          JSON.stringify(request)
        ).toEqual(ids.slice(0, 20))
        if (ids.length > 20) {
          const { runs: next } = await made.runs({ ...request, limit: 20, cursor: nextCursor! })
          expect(next.map(({ id }) => id)).toEqual(ids.slice(20, 40))
        }
      }
    }
    expect((await made.runs({ limit: 1_000 })).runs.map(({ id }) => id)).toEqual(idsOf(all, {}).slice(0, 1_000))
    const answer = await ask(made, "GET", "/pipelines/doubling/status")
    expect(answer).toMatchObject({ status: 200, json: { status: "RUNNING" } })
    await expectFew(redis, store.prefix, "list", "look")
  }
)

shared("a page of rare runs may be short, and its cursor leads to the rest", async () => {
  const store = here()
  const redis = client(url!)
  // Completed runs lie between failed ones, so the script checks runs one by one.
  const runs = Array.from({ length: 12_000 }, (_, at): readonly [Status, "doubling"] => [
    at === 5 ? "COMPLETED" : "FAILED",
    "doubling"
  ])
  const all = await fill(redis, store, runs)
  const made = levada([doubling, other], store, { worker: false })
  const request = { statuses: ["COMPLETED"], pipelineId: "doubling" } as const
  expect(await walk(made, request)).toEqual(idsOf(all, request))
  const { json } = await ask(made, "GET", "/runs?status=COMPLETED&limit=1")
  expect(json).toMatchObject({ runs: [{ task_id: idsOf(all, request)[0]! }] })
  await expectFew(redis, store.prefix, "list")
})

shared("an error text is found among 10,000 failed runs by one request, in bounded calls", async () => {
  const store = here()
  const redis = client(url!)
  const runs = Array.from({ length: 10_000 }, (_, at): readonly [Status, "doubling"] => [
    at % 5 === 0 ? "COMPLETED" : "FAILED",
    "doubling"
  ])
  const all = await fill(redis, store, runs)
  const failed = all.filter(({ status }) => status === "FAILED")
  const rare = [failed[4_000]!.id, failed.at(-2)!.id]
  for (const id of rare) {
    const error = { name: "E", message: "no", step: "double", cause: { name: "E", message: "a Needle" } }
    await redis.hset(`{${store.prefix}}:r:${id}`, "2", JSON.stringify(["RF", 2, error]))
  }
  const made = levada([doubling, other], store, { worker: false })
  await made.ready
  for (const query of ["error=needle", "failed_step=double", "failed_step=double&error=NEEDLE&max_duration_ms=1"]) {
    const { json } = await ask(made, "GET", `/runs?limit=50&${query}`)
    expect(json, query).toMatchObject({ runs: rare.map((task_id) => ({ task_id })), next_cursor: null })
  }
  const { json } = await ask(made, "GET", "/runs?min_duration_ms=1&max_duration_ms=1&limit=200")
  expect(json.runs).toHaveLength(200)
  await expectFew(redis, store.prefix, "list", "look")
})

const some = fc.array(
  fc.tuple(
    fc.constantFrom(...STATUSES),
    fc.constantFrom("doubling" as const, "other" as const),
    fc.integer({ min: 1, max: 8 })
  ),
  { maxLength: 8 }
)

shared(
  "lists by statuses equal a filtered list of all runs, in any order of statuses",
  { timeout: 60_000 },
  async () => {
    const redis = client(url!)
    const wanted = fc.subarray([...STATUSES], { minLength: 1 })
    await fc.assert(
      fc.asyncProperty(
        some,
        fc.array(wanted, { maxLength: 5 }),
        fc.integer({ min: 1, max: 9 }),
        async (blocks, sets, limit) => {
          const store = here()
          const runs = blocks.flatMap(([status, pipelineId, many]) =>
            Array.from({ length: many }, () => [status, pipelineId] as const)
          )
          const all = await fill(redis, store, runs)
          const made = levada([doubling, other], store, { worker: false })
          for (const pipelineId of [undefined, "doubling"]) {
            for (const statuses of [undefined, ...STATUSES.map((status) => [status]), ...sets]) {
              const request = { ...(pipelineId && { pipelineId }), ...(statuses && { statuses }) }
              expect(await walk(made, { ...request, limit }), JSON.stringify(request)).toEqual(idsOf(all, request))
            }
          }
          await made.close()
        }
      ),
      { numRuns: cases(30) }
    )
  }
)

shared("the state of a pipeline is that of its last ended run, while newer ones are delayed", async () => {
  const store = here()
  const redis = client(url!)
  const runs = Array.from({ length: 6_000 }, (_, at): readonly [Status, "doubling"] => [
    at < 500 ? "CANCELLED" : at === 500 ? "COMPLETED" : "PENDING",
    "doubling"
  ])
  const all = await fill(redis, store, runs)
  const made = levada([doubling, other], store, { worker: false })
  const last = await made.start(doubling, { n: 1 }, { delayMillis: 600_000 })
  const score = (await redis.zscore(`{${store.prefix}}:all`, last))!
  await redis.zadd(`{${store.prefix}}:unfinished:doubling`, score, last)
  const { json } = await ask(made, "GET", "/pipelines/doubling/status")
  expect(json).toMatchObject({ status: "COMPLETED", task_id: idsOf(all, { statuses: ["COMPLETED"] })[0]! })
  await expectFew(redis, store.prefix, "list")
})

shared(
  "tables, log lines, audit records, and runs with many values are read in slices",
  { timeout: 60_000 },
  async () => {
    const store = here()
    const redis = client(url!)
    const prefix = `{${store.prefix}}:`
    const made = levada([doubling], store, { worker: false })
    const runId = await made.start(doubling, { n: 1 })
    const writing = redis.pipeline()
    const line = { level: "info", step: "double", attempt: 1, message: "m" }
    const record = { operation: "GET /runs", permission: "read", outcome: "allowed" }
    for (let at = 0; at < 6_000; at++) {
      writing.sadd(`${prefix}paused`, `p${at}`)
      writing.hset(`${prefix}acls`, `p${at}`, '{"read":["a"]}')
      writing.rpush(`${prefix}g:${runId}`, JSON.stringify([1, line]))
      writing.hset(`${prefix}r:${runId}`, `vmore${at}`, "1")
      writing.xadd(`${prefix}audit`, "*", "r", JSON.stringify(at === 0 ? { ...record, principal: "ada" } : record))
    }
    await writing.exec()
    expect((await made.lines(runId)).lines).toHaveLength(6_000)
    expect((await made.run(runId)).parameters).toEqual({ n: "1" })
    await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const { paused, acls, audit } = yield* RedisStore.make(store)
          expect((yield* paused).size).toBe(6_000)
          expect((yield* acls.list).size).toBe(6_000)
          // The wanted run is further back than one call reads.
          const { records, nextCursor } = yield* audit.list({ principal: "ada", limit: 1 })
          expect(records).toEqual([])
          const next = yield* audit.list({ principal: "ada", limit: 1, cursor: nextCursor! })
          expect(next).toMatchObject({ records: [{ principal: "ada" }] })
          const page = yield* audit.list({ limit: 1_000 })
          expect(page.records).toHaveLength(1_000)
        })
      )
    )
    await expectFew(redis, store.prefix, "lines", "look", "fields", "scan", "records")
  }
)
