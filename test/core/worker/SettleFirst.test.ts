/** Outcomes go to the Store before notes do, in bounded batches; unsettled claims keep their leases; shutdown loses neither. */
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import {
  Access,
  Errors,
  Levada,
  Operations,
  Pipeline,
  Principal,
  Step,
  Store,
  Task
} from "../../../adapters/promise/index.ts"
import * as Bytes from "../../../core/values/Bytes.ts"
import { cases } from "../../cases.ts"
import { layerOver, within } from "../harness/Within.ts"

const N = Schema.Number
const S = Schema.String
const { host } = Principal

const MOST = 500
const MIB = 1 << 20

const chatty = Task.make("chatty", {
  output: { x: N },
  run: async (_, { log, progress }) => {
    for (let done = 0; done < 100; done++) {
      log(`line ${done}`)
      progress(done, 100)
      await undefined
    }
    return { x: 1 }
  }
})
const talking = Pipeline.make("talking", [chatty])

describe("a Store that takes notes slowly", () => {
  it.effect("delays no outcome, even if it does not answer", () => {
    const answered = Deferred.makeUnsafe<void>()
    return Effect.gen(function* () {
      expect(yield* Levada.execute(talking, {})).toBe(1)
      expect(yield* Levada.execute(talking, {})).toBe(1)
      yield* Deferred.succeed(answered, undefined)
    }).pipe(within([talking], { through: (store) => ({ ...store, note: () => Deferred.await(answered) }) }))
  })

  it.effect("is given one batch at a time, and all of them", () => {
    let writing = 0
    let most = 0
    const through = (store: Store.Store): Store.Store => ({
      ...store,
      note: (notes) =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            most = Math.max(most, ++writing)
          }),
          () => Effect.andThen(Effect.sleep(100), store.note(notes)),
          () => Effect.sync(() => void writing--)
        )
    })
    return Effect.gen(function* () {
      const operations = yield* Operations.Operations
      const runId = yield* Levada.start(talking, {})
      yield* TestClock.adjust("1 minute")
      const { lines } = yield* operations.lines(host, runId)
      expect(lines.map(({ message }) => message)).toEqual(Array.from({ length: 100 }, (_, at) => `line ${at}`))
      expect([writing, most]).toEqual([0, 1])
    }).pipe(within([talking], { through }))
  })

  it.live("is still given the last notes when the worker shuts down", () => {
    const written: Array<string> = []
    const through = (store: Store.Store): Store.Store => ({
      ...store,
      note: (notes) =>
        Effect.andThen(
          Effect.sleep(20),
          Effect.sync(() => {
            for (const { line } of notes) if (line !== undefined) written.push(line.message)
          })
        )
    })
    return Effect.gen(function* () {
      const scope = yield* Scope.make()
      const services = yield* Layer.buildWithScope(layerOver([talking], { through }), scope)
      yield* Effect.provideContext(Levada.execute(talking, {}), services)
      yield* Scope.close(scope, Exit.void)
      expect(written).toHaveLength(100)
    })
  })

  it.effect("keeps no worker from closing", () => {
    const through = (store: Store.Store): Store.Store => ({ ...store, note: () => Effect.never })
    return Effect.gen(function* () {
      const scope = yield* Scope.make()
      const services = yield* Layer.buildWithScope(layerOver([talking], { through }), scope)
      yield* Effect.provideContext(Levada.execute(talking, {}), services)
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* TestClock.adjust("1 minute")
      expect(closing.pollUnsafe()).toBeDefined()
    })
  })
})

describe("outcomes that are not settled yet", () => {
  it.effect.each([
    ["does not answer", Effect.fail(new Errors.StoreUnavailable("it is ill"))],
    ["is slow", Effect.never]
  ] as const)("keep their leases while the Store %s: the step is called once", ([, how]) => {
    let calls = 0
    let isIll = true
    const healed = Deferred.makeUnsafe<void>()
    const once = Pipeline.make("p", [Task.make("once", { output: { x: N }, run: async () => ({ x: ++calls }) })])
    const through = (store: Store.Store): Store.Store => ({
      ...store,
      settle: (settlements, request) =>
        settlements.length > 0 && isIll
          ? Effect.flatMap(Effect.raceFirst(how, Deferred.await(healed)), () => store.settle(settlements, request))
          : store.settle(settlements, request)
    })
    return Effect.gen(function* () {
      const running = yield* Effect.forkChild(Levada.execute(once, {}), { startImmediately: true })
      // Four leases.
      yield* TestClock.adjust(60_000)
      isIll = false
      yield* Deferred.succeed(healed, undefined)
      yield* TestClock.adjust(60_000)
      expect([yield* Fiber.join(running), calls]).toEqual([1, 1])
    }).pipe(within([once], { through }))
  })

  it.effect("are offered again while the worker shuts down, until its grace is over", () =>
    Effect.gen(function* () {
      for (const { failures, graceMillis } of fc.sample(
        fc.record({ failures: fc.nat(12), graceMillis: fc.constantFrom(0, 500, 1_500, 10_000) }),
        { numRuns: cases(30) }
      )) {
        let left = failures
        const seen: Array<string> = []
        const once = Pipeline.make("p", [Task.make("once", { output: { x: N }, run: async () => ({ x: 1 }) })])
        const through = (store: Store.Store): Store.Store => ({
          ...store,
          settle: (settlements, request) => {
            if (settlements.length === 0) return store.settle(settlements, request)
            if (left-- > 0) return Effect.fail(new Errors.StoreUnavailable("it is ill"))
            seen.push(...settlements.map(({ outcome }) => outcome._tag))
            return store.settle(settlements, request)
          }
        })
        const scope = yield* Scope.make()
        const services = yield* Layer.buildWithScope(layerOver([once], { through, worker: { graceMillis } }), scope)
        yield* Effect.provideContext(Levada.start(once, {}), services)
        yield* TestClock.adjust(1)
        const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
        yield* TestClock.adjust("1 minute")
        expect(closing.pollUnsafe()).toBeDefined()
        // It asks again four times per second; two seconds after its grace it gives up.
        if (failures * 250 < graceMillis + 2_000) expect(seen).toEqual(["Completed"])
      }
    })
  )
})

describe("batches", () => {
  /** Records how large each call is, in members and in bytes, and the largest of its members. */
  const measuring = () => {
    const calls = {
      settle: [] as Array<readonly [number, number, number]>,
      note: [] as Array<readonly [number, number, number]>,
      renew: [] as Array<number>
    }
    const measured = (sizes: ReadonlyArray<number>) =>
      [sizes.length, sizes.reduce((sum, size) => sum + size, 0), Math.max(0, ...sizes)] as const
    const through = (store: Store.Store): Store.Store => ({
      ...store,
      settle: (settlements, request) => {
        const sizes = settlements.map(({ outcome }) =>
          outcome._tag === "Completed"
            ? Object.values(outcome.outputs).reduce((sum, json) => sum + Bytes.ofText(json), 0)
            : 0
        )
        calls.settle.push(measured(sizes))
        return store.settle(settlements, request)
      },
      note: (notes) => {
        calls.note.push(
          measured(notes.map(({ line }) => Bytes.ofText(line?.message ?? "") + (line?.fields?.length ?? 0)))
        )
        return store.note(notes)
      },
      renew: (claims) => {
        calls.renew.push(claims.length)
        return store.renew(claims)
      }
    })
    return { calls, through }
  }

  const expectBounded = (calls: ReadonlyArray<readonly [number, number, number]>): void => {
    for (const [count, bytes, largest] of calls) {
      expect(count).toBeLessThanOrEqual(MOST)
      if (count > 1) expect(bytes - largest).toBeLessThanOrEqual(MIB)
      if (count > 1) expect(bytes).toBeLessThanOrEqual(MIB)
    }
  }

  const size = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 700_000 }))
  const unit = fc.constantFrom("a", "ä", "€", "😀")

  it.live("of outcomes have at most 500 members and 1 MiB, whatever the outputs", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(size, unit), { minLength: 1, maxLength: 12 }),
          fc.boolean(),
          async (sizes, isMany) => {
            const texts = sizes.map(([count, char]) => char.repeat(count / char.length / Bytes.ofText(char)))
            const all = isMany ? [...texts, ...Array.from({ length: 1_200 }, () => "")] : texts
            const gate = Promise.withResolvers<void>()
            const give = Task.make("give", {
              input: { at: N },
              output: { text: S },
              run: async ({ at }) => {
                await gate.promise
                return { text: all[at]! }
              }
            })
            const pipeline = Pipeline.make("p", [Step.map(give, { over: { at: "ats" } })])
            const { calls, through } = measuring()
            const levada = Levada.make({
              pipelines: [pipeline],
              access: Access.open,
              worker: { concurrency: 2_000 },
              store: Layer.effect(Store.Store, Effect.map(Store.Store, through)).pipe(
                Layer.provide(Store.layerMemory({ maxValueBytes: 1 << 26 }))
              )
            })
            const running = levada.execute(pipeline, { ats: all.map((_, at) => at) })
            await Promise.resolve()
            gate.resolve()
            expect(await running).toHaveLength(all.length)
            await levada.close()
            expectBounded(calls.settle)
          }
        ),
        { numRuns: cases(15) }
      )
    )
  )

  it.live("of notes have at most 500 members and 1 MiB, whatever is said", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 1, max: 2_500 }),
          fc.integer({ min: 0, max: 2_000 }),
          unit,
          async (count, length, char) => {
            const message = char.repeat(length / char.length)
            const say = Task.make("say", {
              output: { x: N },
              run: async (_, { log }) => {
                for (let at = 0; at < count; at++) log(message, { message })
                return { x: 1 }
              }
            })
            const pipeline = Pipeline.make("p", [say])
            const { calls, through } = measuring()
            const levada = Levada.make({
              pipelines: [pipeline],
              access: Access.open,
              store: Layer.effect(Store.Store, Effect.map(Store.Store, through)).pipe(
                Layer.provide(Store.layerMemory())
              )
            })
            await levada.execute(pipeline, {})
            await levada.close()
            expectBounded(calls.note)
            expect(calls.note.reduce((sum, [members]) => sum + members, 0)).toBe(count)
          }
        ),
        { numRuns: cases(25) }
      )
    )
  )

  it.effect("of renewals have at most 500 members", () => {
    const { calls, through } = measuring()
    const gate = Deferred.makeUnsafe<void>()
    const wait = Task.make("wait", {
      input: { n: N },
      output: { m: N },
      run: ({ n }) => Effect.as(Deferred.await(gate), { m: n })
    })
    const pipeline = Pipeline.make("p", [Step.map(wait, { over: { n: "ns" } })])
    return Effect.gen(function* () {
      const ns = Array.from({ length: 1_700 }, (_, n) => n)
      const running = yield* Effect.forkChild(Levada.execute(pipeline, { ns }), { startImmediately: true })
      yield* TestClock.adjust(5_000)
      expect(calls.renew).toEqual([500, 500, 500, 200])
      yield* Deferred.succeed(gate, undefined)
      expect(yield* Fiber.join(running)).toEqual(ns)
    }).pipe(within([pipeline], { through, worker: { concurrency: 2_000 } }))
  })
})
