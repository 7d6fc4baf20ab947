/** The behaviour of every Store, as one suite: it takes a function that builds one. */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Version from "../../../core/pipeline/Version.ts"
import type { Event } from "../../../core/run/Event.ts"
import * as Run from "../../../core/run/Run.ts"
import { type RunList, Store } from "../../../core/store/Store.ts"
import { abandonedSuite } from "./AbandonedSuite.ts"
import { accessSuite } from "./AccessSuite.ts"
import { badMemberSuite } from "./BadMemberSuite.ts"
import { definitionsSuite } from "./DefinitionsSuite.ts"
import { errorStacksSuite } from "./ErrorStacksSuite.ts"
import { feedSuite } from "./FeedSuite.ts"
import { hostileTextsSuite } from "./HostileTextsSuite.ts"
import { hostileValuesSuite } from "./HostileValuesSuite.ts"
import {
  type Build,
  broken,
  chain,
  claim,
  diamond,
  done,
  finish,
  LEASE,
  names,
  newRun,
  ownVersions,
  PIPELINE,
  planOf,
  settle,
  single,
  testsOver,
  VERSION
} from "./harness/StoreDriver.ts"
import { itemsSuite } from "./ItemsSuite.ts"
import { loadSuite } from "./LoadSuite.ts"
import { lostWorkerSuite } from "./LostWorkerSuite.ts"
import { memoSuite } from "./MemoSuite.ts"
import { orderSuite } from "./OrderSuite.ts"
import { outcomesSuite } from "./OutcomesSuite.ts"
import { runFilterSuite } from "./RunFilterSuite.ts"
import { runListSuite } from "./RunListSuite.ts"
import { runPartsSuite } from "./RunPartsSuite.ts"
import { schedulesSuite } from "./SchedulesSuite.ts"
import { waitingSuite } from "./WaitingSuite.ts"
import { workersSuite } from "./WorkersSuite.ts"

/** Runs the suite on a Store. */
export const storeConformance = (name: string, build: Build): void => {
  const { test, testLong, testSmall, testShort } = testsOver(build)

  describe(`Store: ${name}`, () => {
    describe("outcomes", () => outcomesSuite(testLong))
    describe("order", () => orderSuite(testLong))
    describe("waiting", () => waitingSuite(test, testLong))
    describe("items", () => itemsSuite(test, testLong))
    describe("lost workers", () => lostWorkerSuite(test, testLong, testShort))
    describe("memoised steps", () => memoSuite(testLong))
    describe("run lists", () => runListSuite(testLong))
    describe("parts of runs", () => runPartsSuite(test, testLong, testSmall))
    describe("stacks of errors", () => errorStacksSuite(testLong))
    describe("run filters", () => runFilterSuite(testLong))
    describe("schedules", () => schedulesSuite(testLong))
    describe("definitions", () => definitionsSuite(testLong))
    describe("feed", () => feedSuite(testLong))
    describe("load", () => loadSuite(testLong))
    describe("workers", () => workersSuite(test, testLong))
    describe("abandoned versions", () => abandonedSuite(testLong))
    describe("hostile texts", () => hostileTextsSuite(testLong))
    describe("hostile values", () => hostileValuesSuite(testLong, testSmall))
    describe("one bad member among many", () => badMemberSuite(testLong))
    describe("access", () => accessSuite(testLong))

    testLong(
      "a new run is PENDING with its parameters, and starts with its first claim",
      Effect.gen(function* () {
        const { submit, get } = yield* Store
        const plan = planOf({ a: ["data"], b: ["a"], c: ["b"] })
        const runId = yield* submit(newRun(plan, { parameters: { data: '"x"' } }))
        const fresh = yield* get(runId)
        expect(fresh).toMatchObject({
          id: runId,
          pipelineId: PIPELINE,
          version: VERSION,
          status: "PENDING",
          sequence: 0
        })
        expect(fresh.parameters).toEqual({ data: '"x"' })
        const [first, ...others] = yield* claim()
        expect(others).toEqual([])
        expect(first).toMatchObject({ runId, pipelineId: PIPELINE, version: VERSION, step: "a", index: 0, attempt: 1 })
        expect(first!.values.get("data")).toBe('"x"')
        const started = yield* get(runId)
        expect(started.status).toBe("RUNNING")
        expect(started.startedAtMillis).toBeGreaterThanOrEqual(fresh.submittedAtMillis)
        expect(started.steps.map((step) => step.status)).toEqual(["RUNNING", "PENDING", "PENDING"])
      })
    )

    testLong(
      "a step becomes ready with the last of its inputs, and gets their values",
      Effect.gen(function* () {
        const { submit, get } = yield* Store
        const runId = yield* submit(newRun(diamond))
        const [a] = yield* claim()
        yield* settle([a!, done({ a: "1" })])
        const [b, c] = [...(yield* claim())].sort((left, right) => left.index - right.index)
        expect([b!.step, c!.step]).toEqual(["b", "c"])
        yield* settle([b!, done({ b: "2" })])
        expect((yield* get(runId)).steps[3]!.status).toBe("PENDING")
        const waiting = yield* Effect.forkChild(claim(), { startImmediately: true })
        expect(waiting.pollUnsafe()).toBeUndefined()
        yield* settle([c!, done({ c: "3" })])
        const [d] = yield* Fiber.join(waiting)
        expect(d!.step).toBe("d")
        expect([b!, c!].map(({ values }) => values.get("a"))).toEqual(["1", "1"])
        expect(["b", "c", "none"].map((key) => d!.values.get(key))).toEqual(["2", "3", undefined])
        yield* settle([d!, done({ d: "4" })])
        const run = yield* get(runId)
        expect(run).toMatchObject({
          status: "COMPLETED",
          stepsCompleted: 4,
          outputs: { a: "1", b: "2", c: "3", d: "4" }
        })
      })
    )

    testLong(
      "one batch of settlements releases all steps that depend on it",
      Effect.gen(function* () {
        const { submit } = yield* Store
        yield* submit(newRun(planOf({ a: [], b: [], c: ["a", "b"] })))
        const [a, b] = yield* claim()
        yield* settle([a!, done()], [b!, done()])
        expect(names(yield* claim())).toEqual(["c"])
      })
    )

    testLong(
      "settling also lends ready steps, if asked for some",
      Effect.gen(function* () {
        const store = yield* Store
        const runId = yield* store.submit(newRun(diamond))
        const request = { worker: "w1", max: 10, versions: ownVersions }
        const [a] = yield* claim()
        const { claims } = yield* store.settle([{ claim: a!, outcome: done() }], request)
        expect(names(claims)).toEqual(["b", "c"])
        const [b, c] = claims
        const half = yield* store.settle([{ claim: b!, outcome: done() }], request)
        expect(half).toEqual({ refused: [], claims: [] })
        const last = yield* store.settle([{ claim: c!, outcome: done() }], { ...request, versions: new Set<string>() })
        expect(last.claims).toEqual([])
        const { claims: rest } = yield* store.settle([], request)
        expect(names(rest)).toEqual(["d"])
        yield* settle([rest[0]!, done()])
        expect((yield* store.get(runId)).status).toBe("COMPLETED")
      })
    )

    testLong(
      "a claim takes at most as many steps as it asks for, and the rest stays for others",
      Effect.gen(function* () {
        const { submit } = yield* Store
        yield* submit(newRun(planOf({ a: [], b: [], c: [], d: [], e: [] })))
        const first = yield* claim(2, "w1")
        const second = yield* claim(10, "w2")
        expect(first).toHaveLength(2)
        expect(second).toHaveLength(3)
        expect(names([...first, ...second])).toEqual(["a", "b", "c", "d", "e"])
      })
    )

    testLong(
      "a worker is lent only versions that it has, including ones that it gets later",
      Effect.gen(function* () {
        const { submit } = yield* Store
        const versions = new Set<string>()
        const waiting = yield* Effect.forkChild(claim(10, "w1", versions), { startImmediately: true })
        yield* submit(newRun(single, { version: "v2" }))
        expect(waiting.pollUnsafe()).toBeUndefined()
        versions.add(Version.key(PIPELINE, "v3"))
        yield* submit(newRun(single, { version: "v3" }))
        expect((yield* Fiber.join(waiting)).map((claimed) => claimed.version)).toEqual(["v3"])
        const others = yield* claim(10, "w2", new Set([Version.key(PIPELINE, "v2")]))
        expect(others.map((claimed) => claimed.version)).toEqual(["v2"])
      })
    )

    testLong(
      "an interrupted claim takes nothing with it",
      Effect.gen(function* () {
        const { submit } = yield* Store
        const waiting = yield* Effect.forkChild(claim(10, "w1"), { startImmediately: true })
        yield* Fiber.interrupt(waiting)
        yield* submit(newRun(single))
        expect(names(yield* claim(10, "w2"))).toEqual(["a"])
      })
    )

    testLong(
      "many workers at once: every step is lent to exactly one of them",
      Effect.gen(function* () {
        const { submit, get } = yield* Store
        const width = 300
        const plan = planOf(Object.fromEntries(Array.from({ length: width }, (_, at) => [`s${at}`, []])))
        const runIds = yield* Effect.forEach(Array.from({ length: 4 }), () => submit(newRun(plan)), {
          concurrency: "unbounded"
        })
        const taken: Array<string> = []
        const claimer = (worker: string) =>
          Effect.gen(function* () {
            while (taken.length < width * runIds.length) {
              const claims = yield* claim(7, worker)
              for (const { runId, step } of claims) taken.push(`${runId}/${step}`)
              yield* settle(...claims.map((claimed) => [claimed, done()] as const))
            }
          })
        // A worker that finds nothing left waits for ever, so the race is over when the first of them is done.
        yield* Effect.raceAll(Array.from({ length: 8 }, (_, at) => claimer(`w${at}`)))
        expect(new Set(taken).size).toBe(width * runIds.length)
        expect(taken).toHaveLength(width * runIds.length)
        for (const runId of runIds) expect((yield* get(runId)).status).toBe("COMPLETED")
      })
    )

    test(
      "a lease that is not renewed ends: the step goes to another worker, and the outcome of the first one is refused",
      Effect.gen(function* () {
        const { submit, get } = yield* Store
        const runId = yield* submit(newRun(single))
        const [lost] = yield* claim(1, "w1")
        const [taken] = yield* claim(1, "w2")
        expect(taken).toMatchObject({ runId, step: "a", attempt: 2 })
        expect(taken!.token).not.toBe(lost!.token)
        const refused = yield* settle([lost!, done({ value: "1" })])
        expect(refused.map((settlement) => settlement.claim.token)).toEqual([lost!.token])
        expect((yield* get(runId)).outputs).toEqual({})
        expect(yield* settle([taken!, done({ value: "2" })])).toEqual([])
        expect((yield* get(runId)).outputs).toEqual({ value: "2" })
        expect(yield* settle([taken!, done({ value: "3" })])).toHaveLength(1)
        expect((yield* get(runId)).outputs).toEqual({ value: "2" })
      })
    )

    test(
      "a renewed lease stays; renewing says which leases are lost",
      Effect.gen(function* () {
        const { submit, renew, get } = yield* Store
        const runId = yield* submit(newRun(planOf({ a: [], b: [] })))
        const [kept, let_go] = yield* claim(2, "w1")
        const rival = yield* Effect.forkChild(claim(1, "w2"), { startImmediately: true })
        yield* Effect.repeat(Effect.andThen(Effect.sleep(LEASE / 3), renew([kept!])), { times: 6 })
        const [taken] = yield* Fiber.join(rival)
        expect(taken!.step).toBe(let_go!.step)
        const lost = yield* renew([kept!, let_go!])
        expect(lost.map((claimed) => claimed.token)).toEqual([let_go!.token])
        expect(yield* settle([kept!, done()])).toEqual([])
        expect((yield* get(runId)).steps[kept!.index]!.attempts).toBe(1)
      })
    )

    testLong(
      "a released step is ready again",
      Effect.gen(function* () {
        const { submit, get } = yield* Store
        const runId = yield* submit(newRun(single))
        const [first] = yield* claim()
        yield* settle([first!, { _tag: "Released", reason: "shutting down" }])
        expect((yield* get(runId)).steps[0]!.status).toBe("PENDING")
        const [second] = yield* claim()
        expect(second!.attempt).toBe(2)
      })
    )

    testLong(
      "a failure ends the run: running steps are revoked, waiting ones never start, later outcomes are refused",
      Effect.gen(function* () {
        const { submit, get, revoked } = yield* Store
        const runId = yield* submit(newRun(planOf({ a: [], b: [], c: ["a"] })))
        const hearing = yield* Effect.forkChild(Stream.runHead(revoked("w1")), { startImmediately: true })
        yield* Effect.yieldNow
        const [a, b] = yield* claim(10, "w1")
        yield* settle([a!, broken])
        expect(Option.getOrThrow(yield* Fiber.join(hearing)).token).toBe(b!.token)
        const run = yield* get(runId)
        expect(run.status).toBe("FAILED")
        expect(run.error).toEqual({ name: "TaskFailed", message: "it broke", step: "a" })
        expect(run.steps.map((step) => step.status)).toEqual(["FAILED", "CANCELLED", "SKIPPED"])
        expect(yield* settle([b!, done({ b: "1" })])).toHaveLength(1)
        expect(yield* get(runId)).toEqual(run)
        const other = yield* submit(newRun(single))
        expect((yield* claim()).map((claimed) => claimed.runId)).toEqual([other])
      })
    )

    testLong(
      "cancel ends a run once; a finished run never changes",
      Effect.gen(function* () {
        const { submit, get, cancel } = yield* Store
        const runId = yield* submit(newRun(chain))
        const [a] = yield* claim()
        yield* cancel(runId, "no longer wanted")
        const run = yield* get(runId)
        expect(run).toMatchObject({ status: "CANCELLED", reason: "no longer wanted" })
        expect(run.steps.map((step) => step.status)).toEqual(["CANCELLED", "CANCELLED", "CANCELLED"])
        yield* cancel(runId, "again")
        expect(yield* settle([a!, done()])).toHaveLength(1)
        expect(yield* get(runId)).toEqual(run)
        const other = yield* submit(newRun(single))
        const completed = yield* finish(other)
        yield* cancel(other, "too late")
        expect(yield* get(other)).toEqual(completed)
      })
    )

    testLong(
      "a run that exceeds its time limit fails with RunTimedOut",
      Effect.gen(function* () {
        const { submit, wait } = yield* Store
        const runId = yield* submit(newRun(chain, { timeoutMillis: 30 }))
        const [a] = yield* claim()
        const run = yield* wait(runId)
        expect(run).toMatchObject({ status: "FAILED", error: { name: "RunTimedOut" } })
        expect(yield* settle([a!, done()])).toHaveLength(1)
      })
    )

    testLong(
      "wait returns the finished run, to all waiting callers and to later ones",
      Effect.gen(function* () {
        const { submit, wait } = yield* Store
        const runId = yield* submit(newRun(chain))
        const waiting = yield* Effect.forkChild(
          Effect.all(
            Array.from({ length: 5 }, () => wait(runId)),
            { concurrency: "unbounded" }
          ),
          { startImmediately: true }
        )
        const run = yield* finish(runId)
        for (const seen of yield* Fiber.join(waiting)) expect(seen).toEqual(run)
        expect(yield* wait(runId)).toEqual(run)
      })
    )

    testLong(
      "a watcher replays from any event on, follows the run, and ends after the terminal event",
      Effect.gen(function* () {
        const { submit, watch, get } = yield* Store
        const runId = yield* submit(newRun(diamond))
        const early = yield* Effect.forkChild(Stream.runCollect(watch(runId)), { startImmediately: true })
        const [a] = yield* claim()
        yield* settle([a!, done({ a: "1" })])
        const middle = yield* Effect.forkChild(Stream.runCollect(watch(runId, 2)), { startImmediately: true })
        yield* finish(runId)
        const all = yield* Fiber.join(early)
        expect(all.map((event) => event.sequence)).toEqual(all.map((_, at) => at + 1))
        expect(all[0]!.type).toBe("RunStarted")
        expect(all.at(-1)!.type).toBe("RunCompleted")
        expect(yield* Fiber.join(middle)).toEqual(all.slice(2))
        for (let after = 0; after <= all.length; after++) {
          expect(yield* Stream.runCollect(watch(runId, after))).toEqual(all.slice(after))
        }
        const instants = all.map((event: Event) => event.atMillis)
        expect(instants).toEqual([...instants].sort((left, right) => left - right))
        const run = yield* get(runId)
        expect(Run.fold(Run.pending(run, diamond.steps), all)).toEqual(run)
      })
    )

    testLong(
      "a watcher of a run that is forgotten meanwhile gets all of its events, or fails with RunNotFound after those that it has",
      Effect.gen(function* () {
        const { submit, watch, remove } = yield* Store
        const runId = yield* submit(
          newRun(planOf(Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`s${at}`, []]))))
        )
        yield* finish(runId)
        const all = yield* Stream.runCollect(watch(runId))
        const seen: Array<Event> = []
        const watching = Stream.runForEach(watch(runId), (event) => {
          seen.push(event)
          return seen.length === 1 ? remove(runId) : Effect.void
        })
        const exit = yield* Effect.exit(watching)
        expect(seen).toEqual(all.slice(0, seen.length))
        if (Exit.isSuccess(exit)) expect(seen).toHaveLength(all.length)
        else expect(Exit.findErrorOption(exit)).toMatchObject({ value: { _tag: "RunNotFound", runId } })
      })
    )

    testLong(
      "a watcher that waits for a run learns of its removal or of its end",
      Effect.gen(function* () {
        const { submit, watch, cancel, remove } = yield* Store
        const runId = yield* submit(newRun(single))
        yield* claim()
        const watching = yield* Effect.forkChild(Effect.exit(Stream.runCollect(watch(runId))), {
          startImmediately: true
        })
        yield* cancel(runId, "enough")
        yield* remove(runId)
        const exit = yield* Fiber.join(watching)
        if (Exit.isSuccess(exit)) expect(exit.value.at(-1)).toMatchObject({ type: "RunCancelled" })
        else expect(Exit.findErrorOption(exit)).toMatchObject({ value: { _tag: "RunNotFound", runId } })
      })
    )

    testLong(
      "list is newest first, by pipeline and status, with at most as many runs as asked for",
      Effect.gen(function* () {
        const { submit, list } = yield* Store
        const first = yield* submit(newRun(single))
        const second = yield* submit(newRun(single))
        const other = yield* submit(newRun(single, { pipelineId: "q" }))
        const ids = ({ runs }: RunList) => runs.map((run) => run.id)
        expect(ids(yield* list({ limit: 10 }))).toEqual([other, second, first])
        expect(ids(yield* list({ pipelineId: PIPELINE, limit: 10 }))).toEqual([second, first])
        expect(ids(yield* list({ limit: 2 }))).toEqual([other, second])
        yield* settle(...(yield* claim(1)).map((claimed) => [claimed, done()] as const))
        expect(ids(yield* list({ statuses: ["COMPLETED"], limit: 10 }))).toEqual([first])
        expect(ids(yield* list({ statuses: ["PENDING"], limit: 10 }))).toEqual([other, second])
        expect(ids(yield* list({ statuses: ["FAILED"], limit: 10 }))).toEqual([])
      })
    )

    testLong(
      "an unknown run fails with RunNotFound in every method",
      Effect.gen(function* () {
        const { get, wait, cancel, watch } = yield* Store
        const ways = [get("none"), wait("none"), cancel("none", "why"), Stream.runDrain(watch("none"))]
        for (const way of ways) {
          expect(yield* Effect.flip(way as Effect.Effect<unknown, { readonly _tag: string }>)).toMatchObject({
            _tag: "RunNotFound",
            runId: "none"
          })
        }
      })
    )

    testLong(
      "ids are unique and the Store answers",
      Effect.gen(function* () {
        const { submit, ping } = yield* Store
        yield* ping
        const ids = yield* Effect.forEach(Array.from({ length: 500 }), () => submit(newRun(single)))
        expect(new Set(ids).size).toBe(500)
        expect(Exit.isSuccess(yield* Effect.exit(ping))).toBe(true)
      })
    )
  })
}
