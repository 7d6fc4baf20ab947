/** What a Store keeps for access: limits by time, ACLs, tokens, and the audit log. */
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { MAX_ACLS } from "../../../core/store/Acls.ts"
import type { AuditRecord, NewRecord } from "../../../core/store/AuditLog.ts"
import { Store } from "../../../core/store/Store.ts"
import type { Declare } from "./harness/Driving.ts"

const HOUR = 3_600_000

const record = (more: Partial<NewRecord> = {}): NewRecord => ({
  operation: "GET /pipelines",
  permission: "read",
  outcome: "allowed",
  ...more
})

export const access = (test: Declare): void => {
  test(
    "of 1,000 who want a permit at once, exactly as many get one as the rate has",
    Effect.gen(function* () {
      const { limiter } = yield* Store
      const rate = { permits: 100, periodMillis: HOUR }
      const taken = yield* Effect.forEach(Array.from({ length: 1_000 }), () => limiter.take("a", rate), {
        concurrency: "unbounded"
      })
      const allowed = taken.filter(({ isAllowed }) => isAllowed)
      expect(allowed).toHaveLength(100)
      expect(allowed.map(({ remaining }) => remaining).sort((one, other) => one - other)).toEqual(
        Array.from({ length: 100 }, (_, at) => at)
      )
      for (const { isAllowed, remaining, resetMillis } of taken) {
        if (!isAllowed) expect(remaining).toBe(0)
        expect(resetMillis).toBeGreaterThan(HOUR - 60_000)
        expect(resetMillis).toBeLessThanOrEqual(HOUR)
      }
      // Nobody else is concerned.
      expect(yield* limiter.take("b", rate)).toMatchObject({ isAllowed: true, remaining: 99 })
    })
  )

  test(
    "permits come back one by one, as the period of each is over; what was refused counts for nothing",
    Effect.gen(function* () {
      const { limiter } = yield* Store
      const rate = { permits: 2, periodMillis: 400 }
      const take = limiter.take("a", rate)
      const first = yield* take
      expect(first).toMatchObject({ isAllowed: true, remaining: 1 })
      yield* Effect.sleep(200)
      expect(yield* take).toMatchObject({ isAllowed: true, remaining: 0 })
      let refused = yield* take
      expect(refused.isAllowed).toBe(false)
      // Those that are refused meanwhile do not put it off.
      for (; !refused.isAllowed; refused = yield* take) yield* Effect.sleep(Math.min(20, refused.resetMillis))
      // The second one is still counted, so there is none left.
      expect(refused.remaining).toBe(0)
    })
  )

  test(
    "in no period are there more than the rate allows, wherever it begins",
    Effect.gen(function* () {
      const { limiter } = yield* Store
      const rate = { permits: 5, periodMillis: 100 }
      // Each was taken somewhere between these two.
      const taken: Array<readonly [before: number, after: number]> = []
      for (const end = Date.now() + 500; Date.now() < end; ) {
        const before = Date.now()
        if ((yield* limiter.take("a", rate)).isAllowed) taken.push([before, Date.now()])
        yield* Effect.sleep(2)
      }
      expect(taken.length).toBeGreaterThan(5)
      // By whole milliseconds.
      for (let place = 5; place < taken.length; place++) {
        expect(taken[place]![1] - taken[place - 5]![0]).toBeGreaterThanOrEqual(99)
      }
    })
  )

  test(
    "a token stands for whom it was given to, until it expires",
    Effect.gen(function* () {
      const { tokens } = yield* Store
      const principal = { id: "ada", roles: ["viewer"], narrowed: { pipelineId: "p", runId: "r" } }
      yield* tokens.put("digest", principal, HOUR)
      yield* tokens.put("brief", principal, 30)
      expect(yield* tokens.get("digest")).toEqual(principal)
      expect(yield* tokens.get("other")).toBeUndefined()
      while ((yield* tokens.get("brief")) !== undefined) yield* Effect.sleep(5)
      expect(yield* tokens.get("digest")).toEqual(principal)
    })
  )

  test(
    "an ACL takes the place of the one before, and is forgotten when that is asked for",
    Effect.gen(function* () {
      const { acls } = yield* Store
      expect(yield* acls.list).toEqual(new Map())
      yield* acls.put("p", { read: ["viewer"], execute: [] })
      yield* acls.put("q", { admin: ["principal:ada"] })
      yield* acls.put("p", { read: ["admin"] })
      expect(yield* acls.list).toEqual(
        new Map([
          ["p", { read: ["admin"] }],
          ["q", { admin: ["principal:ada"] }]
        ] as const)
      )
      yield* acls.remove("p")
      yield* acls.remove("p")
      expect(yield* acls.list).toEqual(new Map([["q", { admin: ["principal:ada"] }]]))
    })
  )

  test(
    "10,000 ACLs are kept: a new one is refused then, and one that is there gives way to another",
    Effect.gen(function* () {
      const { acls } = yield* Store
      const many = Array.from({ length: MAX_ACLS }, (_, at) => `p${at}`)
      yield* Effect.forEach(many.slice(0, -3), (id) => acls.put(id, { read: ["viewer"] }), {
        concurrency: 100,
        discard: true
      })
      // Of more than there is room for, as many are kept as there is.
      const last = ["a", "b", ...many.slice(-3)]
      const puts = yield* Effect.forEach(last, (id) => Effect.exit(acls.put(id, {})), { concurrency: "unbounded" })
      expect(puts.filter(Exit.isSuccess)).toHaveLength(3)
      expect(yield* Effect.flip(acls.put("new", {}))).toMatchObject({ _tag: "StoreUnavailable" })
      yield* acls.put("p0", { read: ["admin"] })
      const all = yield* acls.list
      expect([all.size, all.get("p0")]).toEqual([MAX_ACLS, { read: ["admin"] }])
      yield* acls.remove("p0")
      yield* acls.put("new", {})
    })
  )

  test(
    "the audit log gives records newest first, as they were appended",
    Effect.gen(function* () {
      const { audit } = yield* Store
      const whole = record({
        ...{ outcome: "denied", reason: "AccessDenied", principal: "ada", roles: ["viewer"], address: "10.0.0.1" },
        ...{ requestId: "x", pipelineId: "p", runId: "r" }
      })
      const before = Date.now()
      yield* audit.append(record())
      yield* audit.append(whole)
      const { records, nextCursor } = yield* audit.list({ limit: 10 })
      expect(records).toMatchObject([whole, record()])
      expect(nextCursor).toBeUndefined()
      expect(new Set(records.map(({ id }) => id)).size).toBe(2)
      for (const { atMillis } of records) expect(Math.abs(atMillis - before)).toBeLessThan(60_000)
    })
  )

  test(
    "the audit log is looked through by principal, pipeline, outcome and time",
    Effect.gen(function* () {
      const { audit } = yield* Store
      for (const principal of ["ada", "bob"]) {
        for (const pipelineId of ["p", "q"]) {
          for (const outcome of ["allowed", "denied"] as const) {
            yield* audit.append(record({ principal, pipelineId, outcome }))
          }
        }
      }
      const found = (request: object) => Effect.map(audit.list({ limit: 100, ...request }), ({ records }) => records)
      expect(yield* found({ principal: "ada" })).toHaveLength(4)
      expect(yield* found({ principal: "ada", pipelineId: "q" })).toHaveLength(2)
      expect(yield* found({ principal: "ada", pipelineId: "q", outcome: "denied" })).toMatchObject([
        { principal: "ada", pipelineId: "q", outcome: "denied" }
      ])
      const [newest] = yield* found({})
      const { atMillis } = newest!
      expect(yield* found({ untilMillis: atMillis + 1 })).toHaveLength(8)
      expect(yield* found({ sinceMillis: atMillis + 1 })).toHaveLength(0)
      const early = yield* found({ untilMillis: atMillis })
      const late = yield* found({ sinceMillis: atMillis })
      expect(early.length + late.length).toBe(8)
    })
  )

  test(
    "cursors go through the audit log once, whatever is appended meanwhile",
    Effect.gen(function* () {
      const { audit } = yield* Store
      for (let number = 0; number < 25; number++)
        yield* audit.append(record({ principal: `p${number % 2}`, runId: String(number) }))
      const all: Array<AuditRecord> = []
      let cursor: string | undefined
      do {
        const list = yield* audit.list({ principal: "p1", limit: 5, ...(cursor !== undefined && { cursor }) })
        all.push(...list.records)
        cursor = list.nextCursor
        yield* audit.append(record({ principal: "p1", runId: "later" }))
      } while (cursor !== undefined)
      expect(all.map(({ runId }) => Number(runId))).toEqual(Array.from({ length: 12 }, (_, at) => 23 - 2 * at))
      const failure = yield* Effect.flip(audit.list({ limit: 1, cursor: "no cursor" }))
      expect(failure).toMatchObject({ _tag: "InvalidOption", option: "cursor" })
    })
  )

  test(
    "the audit log keeps about 10,000 records, the newest",
    Effect.gen(function* () {
      const { audit } = yield* Store
      yield* Effect.forEach(Array.from({ length: 10_500 }), (_, at) => audit.append(record({ runId: String(at) })), {
        concurrency: 100,
        discard: true
      })
      let count = 0
      let cursor: string | undefined
      do {
        const list = yield* audit.list({ limit: 1_000, ...(cursor !== undefined && { cursor }) })
        if (count === 0) expect(list.records.some(({ runId }) => runId === "10499")).toBe(true)
        count += list.records.length
        cursor = list.nextCursor
      } while (cursor !== undefined)
      expect(count).toBeGreaterThanOrEqual(10_000)
      expect(count).toBeLessThan(10_200)
    })
  )
}
