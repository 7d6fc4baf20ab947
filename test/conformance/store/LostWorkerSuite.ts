/** Work whose worker is lost: it goes to others, then runs alone, and fails only when it was lost alone. */
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as fc from "fast-check"
import type * as Plan from "../../../core/pipeline/Plan.ts"
import * as Run from "../../../core/run/Run.ts"
import { Store } from "../../../core/store/Store.ts"
import type { Claim, ClaimRequest, Outcome } from "../../../core/store/Work.ts"
import { cases } from "../../cases.ts"
import { type Declare, done, limited, mine, newRun, PIPELINE, planOf, settle, single } from "./harness/Driving.ts"

/** Longer than any Store takes to tell a worker of something, in milliseconds. */
const PATIENCE = 5_000

const ask = (more: Partial<ClaimRequest>) =>
  Store.use((store) => store.claim({ worker: "w1", max: 10, versions: mine, ...more }))

/** Asks as a worker that has nothing at work, and as one that has. */
const idle = (more: Partial<ClaimRequest> = {}) => ask({ isIdle: true, ...more })
const busy = (more: Partial<ClaimRequest> = {}) => ask({ isIdle: false, ...more })

/** Asks without waiting. */
const now = (more: Partial<ClaimRequest>) =>
  Store.use((store) =>
    Effect.map(store.settle([], { worker: "w1", max: 10, versions: mine, ...more }), ({ claims }) => claims)
  )

/** Lends everything that is ready to a worker that is lost, twice: then all of it runs alone. */
const lostTwice = (count: number) =>
  Effect.gen(function* () {
    let attempts = 0
    while (attempts < 2 * count) {
      const claims = yield* busy({ worker: "victim", max: count })
      for (const { isAlone } of claims) expect(isAlone).toBe(false)
      attempts += claims.length
    }
  })

/** Waits until the leases of the last ones have ended, as an idle worker sees it. */
const lentAlone = (more: Partial<ClaimRequest> = {}) =>
  Effect.map(idle(more), (claims) => {
    expect(claims).toHaveLength(1)
    expect(claims[0]!.isAlone).toBe(true)
    return claims[0]!
  })

/** The plan, expanding step `a` into items. */
const itemised: Plan.Plan = {
  results: ["a"],
  steps: [
    {
      name: "a",
      waits: 0,
      reads: [],
      releases: [],
      vital: true,
      expands: { outputs: ["a"], max: 100, inOrder: false, lists: [] }
    }
  ]
}

/** What becomes of each attempt of a step: with `deadly`, its worker is lost, and with it all that it was lent. */
const fate = fc.record({
  isDeadly: fc.boolean(),
  plan: fc.constantFrom(single, itemised),
  max: fc.integer({ min: 1, max: 5 })
})

/** Plays workers, one after the other, until all runs are over: each is lent work, and is lost if one unit of it is deadly. */
const play = (fates: ReadonlyArray<typeof fate extends fc.Arbitrary<infer A> ? A : never>) =>
  Effect.gen(function* () {
    const { submit, get } = yield* Store
    const deadly = new Map<string, boolean>()
    for (const { isDeadly, plan } of fates) deadly.set(yield* submit(newRun(plan)), isDeadly)
    const lostAlone = new Set<string>()
    const isOver = Effect.map(
      Effect.forEach([...deadly.keys()], (runId) => get(runId)),
      (runs) => runs.every(({ status }) => Run.isTerminal(status))
    )
    for (let turn = 0; !(yield* isOver); turn++) {
      const isIdle = turn % 2 === 1
      const claims = yield* now({ worker: `w${turn}`, max: fates[turn % fates.length]!.max, isIdle })
      if (claims.some(({ isAlone }) => isAlone)) {
        expect(isIdle).toBe(true)
        expect(claims).toHaveLength(1)
      }
      if (claims.length === 0) yield* Effect.sleep(10)
      if (claims.some(({ runId, phase }) => phase === "run" && deadly.get(runId))) {
        for (const { runId, isAlone } of claims) if (isAlone) lostAlone.add(runId)
        continue
      }
      const expanded: Outcome = { _tag: "Expanded", units: ["1", "2"], count: 2, size: 1 }
      yield* settle(...claims.map((claim) => [claim, claim.phase === "expand" ? expanded : done({ a: "0" })] as const))
    }
    for (const [runId, isDeadly] of deadly) {
      const { status, error } = yield* get(runId)
      expect([status, error?.name]).toEqual(isDeadly ? ["FAILED", "WorkerLost"] : ["COMPLETED", undefined])
      expect(lostAlone.has(runId)).toBe(isDeadly)
    }
  })

export const losses = (test: Declare, testLong: Declare, testShort: Declare): void => {
  test(
    "a step that lost two workers is lent only to an idle worker, and alone",
    Effect.gen(function* () {
      const { submit, get, load } = yield* Store
      const runId = yield* submit(newRun(single))
      yield* lostTwice(1)
      const lone = yield* lentAlone()
      expect(lone).toMatchObject({ runId, step: "a", attempt: 3 })
      yield* settle([lone, { _tag: "Released", reason: "for the test" }])
      expect((yield* load).waiting).toEqual(new Map([[PIPELINE, 1]]))
      for (let count = 0; count < 3; count++) yield* submit(newRun(single))
      const others = yield* busy()
      expect(others.map(({ isAlone }) => isAlone)).toEqual([false, false, false])
      expect(others.every((claim) => claim.runId !== runId)).toBe(true)
      for (let count = 0; count < 3; count++) yield* submit(newRun(single))
      const again = yield* lentAlone()
      expect(again.runId).toBe(runId)
      expect(yield* settle([again, done()])).toEqual([])
      expect((yield* get(runId)).status).toBe("COMPLETED")
      expect(yield* idle()).toHaveLength(3)
    })
  )

  test(
    "a step that is lost while it runs alone fails with WorkerLost; one that shared its worker with it does not",
    Effect.gen(function* () {
      const { submit, get, wait } = yield* Store
      const [culprit, innocent] = [yield* submit(newRun(single)), yield* submit(newRun(single))]
      yield* lostTwice(2)
      let isLost = false
      for (let turn = 0; turn < 2; turn++) {
        const lone = yield* lentAlone()
        if (lone.runId === innocent) yield* settle([lone, done()])
        else isLost = true
      }
      expect(isLost).toBe(true)
      expect((yield* get(innocent)).status).toBe("COMPLETED")
      expect(yield* wait(culprit)).toMatchObject({ status: "FAILED", error: { name: "WorkerLost", step: "a" } })
      expect((yield* get(culprit)).steps[0]!.attempts).toBe(3)
    })
  )

  test(
    "an item that lost two workers runs alone, and its list completes",
    Effect.gen(function* () {
      const { submit, get } = yield* Store
      const runId = yield* submit(newRun(itemised))
      const [whole] = yield* busy()
      const expanded: Outcome = { _tag: "Expanded", units: ["1", "2", "3"], count: 3, size: 1 }
      yield* settle([whole!, expanded])
      const isSecond = ({ item }: Claim) => item?.index === 1
      for (let lost = 0; lost < 2; lost++) {
        const claims = yield* busy({ worker: "victim" })
        yield* settle(...claims.filter((claim) => !isSecond(claim)).map((claim) => [claim, done({ a: "0" })] as const))
        expect(claims.filter(isSecond)).toHaveLength(1)
      }
      const lone = yield* lentAlone()
      expect(lone).toMatchObject({ runId, item: { index: 1 } })
      yield* settle([lone, done({ a: "7" })])
      expect(yield* get(runId)).toMatchObject({ status: "COMPLETED", outputs: { a: "[0,7,0]" } })
    })
  )

  test(
    "a busy worker that waits for work is told that a step waits that runs alone; one that can't take it is not",
    Effect.gen(function* () {
      const { submit, pause } = yield* Store
      yield* submit(newRun(single))
      let isTold = false
      const waiting = Effect.callback<void>((resume) => {
        const request = { worker: "w2", onAloneWaiting: () => resume(Effect.void) }
        const asking = Effect.runFork(Effect.provideService(busy(request), Store, store))
        return Fiber.interrupt(asking)
      })
      const store = yield* Store
      yield* lostTwice(1)
      expect(Option.isSome(yield* Effect.timeoutOption(waiting, PATIENCE))).toBe(true)
      const onAloneWaiting = () => {
        isTold = true
      }
      expect(yield* now({ versions: new Set<string>(), onAloneWaiting })).toEqual([])
      yield* pause(PIPELINE)
      expect(yield* now({ onAloneWaiting })).toEqual([])
      expect(yield* now({ isIdle: true })).toEqual([])
      expect(isTold).toBe(false)
    })
  )

  test(
    "settling, too, lends a step that runs alone to a worker that is idle then, and tells one that is not",
    Effect.gen(function* () {
      const { submit } = yield* Store
      const runId = yield* submit(newRun(single))
      yield* lostTwice(1)
      const lone = yield* lentAlone()
      yield* settle([lone, { _tag: "Released", reason: "for the test" }])
      yield* submit(newRun(single))
      let told = 0
      const others = yield* now({ isIdle: false, onAloneWaiting: () => told++ })
      expect(others).toHaveLength(1)
      expect(others[0]!.runId).not.toBe(runId)
      expect(told).toBeGreaterThan(0)
      expect(yield* now({ isIdle: true })).toMatchObject([{ runId, isAlone: true }])
    })
  )

  test(
    "a step that runs alone waits for its limits like any other",
    Effect.gen(function* () {
      const { submit, get } = yield* Store
      const one = limited(single, { key: "k", max: 1 })
      const lone = yield* submit(newRun(one))
      yield* lostTwice(1)
      yield* settle([yield* lentAlone(), { _tag: "Released", reason: "for the test" }])
      const [held] = yield* now({ isIdle: true })
      expect(held!.runId).toBe(lone)
      const next = yield* submit(newRun(one))
      expect(yield* now({ worker: "w2" })).toEqual([])
      yield* settle([held!, done()])
      expect((yield* get(lone)).status).toBe("COMPLETED")
      expect(yield* now({ worker: "w2" })).toMatchObject([{ runId: next, isAlone: false }])
    })
  )

  test(
    "a step that runs alone, and has waited for its limit, is still lent only to an idle worker",
    Effect.gen(function* () {
      const { submit, get } = yield* Store
      const one = limited(single, { key: "k", max: 1 })
      const lone = yield* submit(newRun(one))
      yield* lostTwice(1)
      yield* settle([yield* lentAlone(), { _tag: "Released", reason: "for the test" }])
      yield* submit(newRun(one))
      const [other] = yield* now({ worker: "w2" })
      expect(other!.runId).not.toBe(lone)
      // It finds its limit used up, and waits for it.
      expect(yield* now({ isIdle: true })).toEqual([])
      yield* settle([other!, done()])
      yield* submit(newRun(single))
      expect((yield* now({ worker: "w2" })).map(({ runId, isAlone }) => [runId === lone, isAlone])).toEqual([
        [false, false]
      ])
      const again = yield* lentAlone()
      expect(again.runId).toBe(lone)
      yield* settle([again, done()])
      expect((yield* get(lone)).status).toBe("COMPLETED")
    })
  )

  test(
    "a step that runs alone and is given back while the next one is lent comes after it",
    Effect.gen(function* () {
      const { submit } = yield* Store
      const runs = [yield* submit(newRun(single)), yield* submit(newRun(single))]
      yield* lostTwice(2)
      const first = yield* lentAlone()
      yield* settle([first, { _tag: "Released", reason: "until both of them wait" }])
      let held = yield* lentAlone()
      const order = [held.runId]
      for (let turn = 0; turn < 3; turn++) {
        const released = { claim: held, outcome: { _tag: "Released", reason: "for the test" } } as const
        const { claims } = yield* Store.use((store) =>
          store.settle([released], { worker: "w1", max: 10, versions: mine, isIdle: true })
        )
        expect(claims).toHaveLength(1)
        held = claims[0]!
        order.push(held.runId)
      }
      expect(order.toSorted()).toEqual([...runs, ...runs].toSorted())
      expect(order[0]).toBe(order[2])
    })
  )

  testShort(
    "whatever is lost beside whatever: only what was lost alone fails, and all else completes",
    Effect.flatMap(Store, (store) =>
      Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(fc.array(fate, { minLength: 4, maxLength: 20 }), (fates) =>
            Effect.runPromise(Effect.provideService(play(fates), Store, store) as Effect.Effect<void>)
          ),
          { numRuns: cases(3) }
        )
      )
    )
  )

  test(
    "a step that runs alone is not lent once its run is over",
    Effect.gen(function* () {
      const { submit, cancel } = yield* Store
      const runId = yield* submit(newRun(single))
      yield* lostTwice(1)
      yield* settle([yield* lentAlone(), { _tag: "Released", reason: "for the test" }])
      yield* cancel(runId, "enough")
      let told = 0
      expect(yield* now({ isIdle: true })).toEqual([])
      expect(yield* now({ onAloneWaiting: () => told++ })).toEqual([])
      expect(told).toBe(0)
    })
  )

  testLong(
    "no worker is told of anything, and no claim is alone, where no worker was lost",
    Effect.gen(function* () {
      const { submit } = yield* Store
      yield* submit(newRun(planOf({ a: [], b: [] })))
      let told = 0
      const claims = yield* busy({ onAloneWaiting: () => told++ })
      expect(claims.map(({ isAlone }) => isAlone)).toEqual([false, false])
      expect(told).toBe(0)
    })
  )
}
