/** A Store that breaks over one member of a batch: the others are recorded, and the log says once what happened. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import {
  Levada,
  Operations,
  Pipeline,
  Principal,
  Run,
  Step,
  type Store,
  Task
} from "../../../adapters/promise/index.ts"
import { cases } from "../../cases.ts"
import { within } from "../harness/Within.ts"

const N = Schema.Number
const { host } = Principal

const POISON = new TypeError("the Store is broken")

/** Collects what is logged as an error or a warning. */
const listening = () => {
  const said: Array<string> = []
  const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
    if (logLevel === "Error" || logLevel === "Warn") said.push([message].flat().map(String).join(" "))
  })
  return { said, layer: Logger.layer([logger]) }
}

/** A map over `count` numbers; every item is at work before the first one ends. */
const mapping = (count: number) => {
  const gate = Promise.withResolvers<void>()
  let begun = 0
  const double = Task.make("double", {
    input: { n: N },
    output: { m: N },
    run: async ({ n }, { log }) => {
      log(`item ${n}`)
      if (++begun >= count) gate.resolve()
      await gate.promise
      return { m: 2 * n }
    }
  })
  return Pipeline.make("p", [Step.map(double, { over: { n: "ns" } })])
}

/** `count` runs of one step, at work together. */
const many = (count: number) => {
  const gate = Promise.withResolvers<void>()
  let begun = 0
  const double = Task.make("double", {
    input: { n: N },
    output: { m: N },
    run: async ({ n }, { log }) => {
      log(`run ${n}`)
      if (++begun >= count) gate.resolve()
      await gate.promise
      return { m: 2 * n }
    }
  })
  return Pipeline.make("p", [double])
}

const COUNT = 1_000
const worker = { concurrency: COUNT }

const settled = (runId: string) =>
  Operations.Operations.use((operations) =>
    Effect.gen(function* () {
      for (let left = 2_000; left > 0; left--) {
        const run = yield* operations.run(host, runId)
        if (Run.isTerminal(run.status)) return run
        yield* Effect.yieldNow
      }
      return yield* operations.run(host, runId)
    })
  )

const dying = <A, E>(isBad: boolean, otherwise: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  isBad ? Effect.die(POISON) : otherwise

describe("settle breaks over one outcome in a thousand", () => {
  it.effect("that one fails, and says so; all others are recorded at once", () => {
    const pipeline = many(COUNT)
    const { said, layer } = listening()
    const through = (store: Store.Store): Store.Store => ({
      ...store,
      settle: (settlements, request) =>
        dying(
          settlements.some(
            ({ outcome }) => outcome._tag === "Completed" && Object.values(outcome.outputs)[0] === "1234"
          ),
          store.settle(settlements, request)
        )
    })
    return Effect.gen(function* () {
      const runIds = yield* Effect.forEach(Array.from({ length: COUNT }), (_, n) => Levada.start(pipeline, { n }))
      for (const [n, runId] of runIds.entries()) {
        const run = yield* settled(runId)
        if (n !== 617) expect(run).toMatchObject({ status: "COMPLETED", outputs: { m: `${2 * n}` } })
        else {
          expect(run).toMatchObject({ status: "FAILED", error: { name: "Defect", step: "double" } })
          expect(run.error!.message).toContain("could not record the outcome of step 'double'")
        }
      }
      expect(said.filter((line) => line.includes("outcome"))).toHaveLength(1)
    }).pipe(within([pipeline], { through, worker }), Effect.provide(layer))
  })

  it.effect(
    "when even its failure can't be recorded, its lease ends; all others are recorded, and it is logged once",
    () => {
      const pipeline = many(COUNT)
      const { said, layer } = listening()
      const bad = new Set<string>()
      const through = (store: Store.Store): Store.Store => ({
        ...store,
        settle: (settlements, request) =>
          dying(
            settlements.some(({ claim }) => bad.has(claim.token)),
            store.settle(settlements, request)
          ),
        claim: (request) =>
          Effect.tap(store.claim(request), (claims) =>
            Effect.sync(() => {
              const poisonous = claims.find(({ values, attempt }) => values.get("n") === "617" && attempt === 1)
              if (poisonous !== undefined) bad.add(poisonous.token)
            })
          )
      })
      return Effect.gen(function* () {
        const runIds = yield* Effect.forEach(Array.from({ length: COUNT }), (_, n) => Levada.start(pipeline, { n }))
        for (const [n, runId] of runIds.entries()) {
          if (n !== 617) expect(yield* settled(runId)).toMatchObject({ status: "COMPLETED" })
        }
        expect(bad.size).toBe(1)
        const operations = yield* Operations.Operations
        expect((yield* operations.run(host, runIds[617]!)).status).toBe("RUNNING")
        expect(said.filter((line) => line.includes("outcome"))).toHaveLength(1)
        yield* TestClock.adjust(15_000)
        expect(yield* settled(runIds[617]!)).toMatchObject({ status: "COMPLETED", steps: [{ attempts: 2 }] })
        expect(said.filter((line) => line.includes("outcome"))).toHaveLength(1)
      }).pipe(within([pipeline], { through, worker }), Effect.provide(layer))
    }
  )

  it.effect("or over any of them: exactly the poisonous items fail", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(
          fc
            .integer({ min: 1, max: 60 })
            .chain((count) =>
              fc.record({ count: fc.constant(count), bad: fc.uniqueArray(fc.nat(count - 1), { maxLength: 5 }) })
            ),
          ({ count, bad }) => {
            const pipeline = many(count)
            const poisonous = new Set(bad.map((n) => `${2 * n}`))
            const through = (store: Store.Store): Store.Store => ({
              ...store,
              settle: (settlements, request) =>
                dying(
                  settlements.some(
                    ({ outcome }) => outcome._tag === "Completed" && poisonous.has(Object.values(outcome.outputs)[0]!)
                  ),
                  store.settle(settlements, request)
                )
            })
            return Effect.gen(function* () {
              const runIds = yield* Effect.forEach(Array.from({ length: count }), (_, n) =>
                Levada.start(pipeline, { n })
              )
              for (const [n, runId] of runIds.entries()) {
                expect((yield* settled(runId)).status, `run ${n}`).toBe(bad.includes(n) ? "FAILED" : "COMPLETED")
              }
            }).pipe(within([pipeline], { through, worker }), Effect.provide(listening().layer), Effect.runPromise)
          }
        ),
        { numRuns: cases(30) }
      )
    )
  )
})

describe("renew breaks over one claim in a thousand", () => {
  it.effect("all others keep their leases, and it is logged once", () => {
    const gate = Promise.withResolvers<void>()
    const calls = new Map<number, number>()
    const wait = Task.make("wait", {
      input: { n: N },
      output: { m: N },
      run: async ({ n }) => {
        calls.set(n, (calls.get(n) ?? 0) + 1)
        await gate.promise
        return { m: n }
      }
    })
    const pipeline = Pipeline.make("p", [Step.map(wait, { over: { n: "ns" } })])
    const { said, layer } = listening()
    const through = (store: Store.Store): Store.Store => ({
      ...store,
      renew: (claims) =>
        dying(
          claims.some(({ item, attempt }) => item?.index === 617 && attempt === 1),
          store.renew(claims)
        )
    })
    const ns = Array.from({ length: COUNT }, (_, n) => n)
    return Effect.gen(function* () {
      const running = yield* Effect.forkChild(Levada.execute(pipeline, { ns }), { startImmediately: true })
      yield* TestClock.adjust(60_000)
      gate.resolve()
      expect(yield* Fiber.join(running)).toEqual(ns)
      expect([...calls].filter(([, count]) => count > 1)).toEqual([[617, 2]])
      expect(said.filter((line) => line.includes("lease"))).toHaveLength(1)
    }).pipe(within([pipeline], { through, worker: { concurrency: COUNT + 1 } }), Effect.provide(layer))
  })
})

describe("note breaks over one line in a thousand", () => {
  it.effect("all others are kept, and it is logged once", () => {
    const pipeline = mapping(COUNT)
    const { said, layer } = listening()
    const through = (store: Store.Store): Store.Store => ({
      ...store,
      note: (notes) =>
        dying(
          notes.some(({ line }) => line?.message === "item 617"),
          store.note(notes)
        )
    })
    const ns = Array.from({ length: COUNT }, (_, n) => n)
    return Effect.gen(function* () {
      const operations = yield* Operations.Operations
      const runId = yield* Levada.start(pipeline, { ns })
      expect(yield* Levada.result(pipeline, runId)).toEqual(ns.map((n) => 2 * n))
      yield* TestClock.adjust(1_000)
      const { lines } = yield* operations.lines(host, runId)
      expect(lines.map(({ message }) => message).sort()).toEqual(
        ns
          .filter((n) => n !== 617)
          .map((n) => `item ${n}`)
          .sort()
      )
      expect(said.filter((line) => line.includes("notes"))).toHaveLength(1)
    }).pipe(within([pipeline], { through, worker }), Effect.provide(layer))
  })
})

describe("claim breaks", () => {
  it.effect("it is asked again after longer and longer, at most 5 s, and it is logged once", () => {
    const pipeline = many(1)
    const { said, layer } = listening()
    const asked: Array<number> = []
    let isBroken = true
    const through = (store: Store.Store): Store.Store => ({
      ...store,
      claim: (request) =>
        Effect.clockWith((clock) =>
          Effect.suspend(() => {
            asked.push(clock.currentTimeMillisUnsafe())
            return dying(isBroken, store.claim(request))
          })
        )
    })
    return Effect.gen(function* () {
      yield* TestClock.adjust(60_000)
      expect(asked.slice(0, 8)).toEqual([0, 250, 750, 1_750, 3_750, 7_750, 12_750, 17_750])
      expect(said).toHaveLength(1)
      isBroken = false
      const runId = yield* Levada.start(pipeline, { n: 1 })
      yield* TestClock.adjust(5_000)
      expect((yield* settled(runId)).status).toBe("COMPLETED")
      // It breaks again: it is logged again, and the waits begin anew.
      isBroken = true
      const before = asked.length
      const next = yield* Levada.start(pipeline, { n: 2 })
      yield* TestClock.adjust(400)
      expect((yield* settled(next)).status).toBe("COMPLETED")
      expect(asked.length - before).toBeLessThanOrEqual(3)
      expect(said).toHaveLength(2)
    }).pipe(within([pipeline], { through, worker }), Effect.provide(layer))
  })

  it.effect("along with outcomes: no outcome is blamed for it", () => {
    const pipeline = many(1)
    const { said, layer } = listening()
    const through = (store: Store.Store): Store.Store => ({
      ...store,
      settle: (settlements, request) => dying(request !== undefined, store.settle(settlements, request))
    })
    return Effect.gen(function* () {
      for (const n of [1, 2]) {
        const runId = yield* Levada.start(pipeline, { n })
        expect((yield* settled(runId)).status).toBe("COMPLETED")
      }
      expect(said.filter((line) => line.includes("outcome"))).toEqual([])
    }).pipe(within([pipeline], { through, worker }), Effect.provide(layer))
  })
})

describe("revoked breaks", () => {
  it.effect("it is asked again after longer and longer, at most 5 s, and it is logged once", () => {
    const pipeline = many(1)
    const { said, layer } = listening()
    let asked = 0
    const through = (store: Store.Store): Store.Store => ({
      ...store,
      revoked: () => {
        asked++
        throw POISON
      }
    })
    return Effect.gen(function* () {
      yield* TestClock.adjust(17_750)
      expect([asked, said.length]).toEqual([8, 1])
    }).pipe(within([pipeline], { through, worker }), Effect.provide(layer))
  })
})
