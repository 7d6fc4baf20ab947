/** What outcomes do in a Store: retries, failures under each policy, branches, cancelled steps. */
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as StepBuilders from "../../../core/pipeline/StepBuilders.ts"
import { Store } from "../../../core/store/Store.ts"
import type { Outcome } from "../../../core/store/Work.ts"
import * as Task from "../../../core/task/Task.ts"
import type { Policy } from "../../../core/values/Policy.ts"
import {
  broken,
  claim,
  claimOne,
  type Declare,
  done,
  finish,
  limited,
  names,
  newRun,
  nothing,
  planFrom,
  planOf,
  settle,
  single
} from "./harness/StoreDriver.ts"

const U = Schema.Unknown
const task = (name: string, needs: ReadonlyArray<string> = [], gives = name) =>
  Task.make(name, {
    input: Object.fromEntries(
      needs.map((need) => (need.endsWith("?") ? [need.slice(0, -1), Schema.optionalKey(U)] : [need, U]))
    ),
    output: { [gives]: U },
    run: () => ({})
  })
const says = Task.make("says", { output: { yes: Schema.Boolean }, run: () => ({ yes: true }) })

const retried = (waitMillis: number): Outcome => ({
  _tag: "Retried",
  error: { name: "TaskFailed", message: "again" },
  waitMillis
})
const takes = (arm: "yes" | "no"): Outcome => ({ _tag: "Completed", outputs: {}, arm })

const statuses = (runId: string) =>
  Store.use(({ get }) => Effect.map(get(runId), ({ steps }) => steps.map(({ status }) => status)))

export const outcomesSuite = (test: Declare): void => {
  test(
    "a step to be retried is lent again after its wait and not before; attempts and failures are counted separately",
    Effect.gen(function* () {
      const { submit, get, watch } = yield* Store
      const runId = yield* submit(newRun(single))
      const [first] = yield* claim()
      expect(first).toMatchObject({ attempt: 1, failures: 0 })
      yield* settle([first!, retried(40)])
      const waiting = (yield* get(runId)).steps[0]!
      expect(waiting).toMatchObject({ status: "PENDING", attempts: 1, error: { message: "again" } })
      const [second] = yield* claim()
      expect(second).toMatchObject({ attempt: 2, failures: 1 })
      expect(second!.elapsedMillis).toBeGreaterThanOrEqual(40)
      yield* settle([second!, { _tag: "Released", reason: "shutting down" }])
      const [third] = yield* claim()
      expect(third).toMatchObject({ attempt: 3, failures: 1 })
      yield* settle([third!, done()])
      const events = yield* Stream.runCollect(watch(runId))
      const told = events.find(({ type }) => type === "StepRetried")!
      expect(told).toMatchObject({ attempt: 1, waitMillis: 40, step: "a" })
      expect(waiting.retryAtMillis).toBe(told.atMillis + 40)
      const again = events.find((event) => event.type === "StepStarted" && event.attempt === 2)!
      expect(again.atMillis).toBeGreaterThanOrEqual(told.atMillis + 40)
      expect((yield* get(runId)).steps[0]).toMatchObject({ status: "COMPLETED", attempts: 3, error: undefined })
    })
  )

  test(
    "a run that ends while a step waits for its retry stays ended",
    Effect.gen(function* () {
      const { submit, cancel, get } = yield* Store
      const runId = yield* submit(newRun(single))
      const [first] = yield* claim()
      yield* settle([first!, retried(20)])
      yield* cancel(runId, "enough")
      const rival = yield* Effect.forkChild(claim(), { startImmediately: true })
      yield* Effect.sleep(60)
      expect(rival.pollUnsafe()).toBeUndefined()
      expect((yield* get(runId)).steps[0]).toMatchObject({ status: "CANCELLED", retryAtMillis: undefined })
      yield* Fiber.interrupt(rival)
    })
  )

  const failing = (onFailure: Policy) =>
    Effect.gen(function* () {
      const { submit } = yield* Store
      //   a ── b ── c      a ┄? d      e
      const plan = planFrom(task("a"), task("b", ["a"]), task("c", ["b"]), task("d", ["a?"]), task("e"))
      const runId = yield* submit(newRun(plan, { onFailure }))
      const [a, e] = yield* claim()
      yield* settle([a!, broken])
      return { runId, e: e! }
    })

  test(
    "under continue a failure skips exactly the dependent steps; the run fails when all others are done",
    Effect.gen(function* () {
      const { get } = yield* Store
      const { runId, e } = yield* failing("continue")
      expect(yield* statuses(runId)).toEqual(["FAILED", "SKIPPED", "SKIPPED", "SKIPPED", "RUNNING"])
      expect((yield* get(runId)).status).toBe("RUNNING")
      expect(yield* settle([e, done({ e: "1" })])).toEqual([])
      expect(yield* get(runId)).toMatchObject({ status: "FAILED", error: { message: "it broke" }, outputs: { e: "1" } })
    })
  )

  test(
    "under skip, steps that take the output optionally go on without it; the run completes if its result lacks nothing",
    Effect.gen(function* () {
      const { get, submit } = yield* Store
      const { runId, e } = yield* failing("skip")
      expect(yield* statuses(runId)).toEqual(["FAILED", "SKIPPED", "SKIPPED", "PENDING", "RUNNING"])
      const d = yield* claimOne("d")
      expect(d.values.get("a")).toBeUndefined()
      yield* settle([e, done()], [d, done()])
      expect(yield* get(runId)).toMatchObject({ status: "FAILED", error: { message: "it broke" } })
      const other = yield* submit(newRun(planFrom(task("a"), task("d", ["a?"])), { onFailure: "skip" }))
      yield* settle([yield* claimOne("a"), broken])
      yield* settle([yield* claimOne("d"), done({ d: "1" })])
      expect(yield* get(other)).toMatchObject({ status: "COMPLETED", error: undefined, outputs: { d: "1" } })
    })
  )

  test(
    "a branch skips the arm that it does not take; a join waits for outputs of both arms, and no longer",
    Effect.gen(function* () {
      const { submit, get, watch } = yield* Store
      const plan = planFrom(
        StepBuilders.branch(says, { yes: [task("left", [], "x") as never], no: [task("right", [], "x") as never] }),
        task("join", ["x"])
      )
      const runId = yield* submit(newRun(plan))
      yield* settle([yield* claimOne("says"), takes("no")])
      const right = yield* claimOne("says.no.right")
      yield* settle([right, done({ x: "2" })])
      const join = yield* claimOne("join")
      expect(join.values.get("x")).toBe("2")
      yield* settle([join, done()])
      const run = yield* get(runId)
      expect(run.status).toBe("COMPLETED")
      expect(run.steps.map(({ status, arm }) => [status, arm])).toEqual([
        ["COMPLETED", "no"],
        ["SKIPPED", undefined],
        ["COMPLETED", undefined],
        ["COMPLETED", undefined]
      ])
      expect((yield* Stream.runCollect(watch(runId))).find(({ type }) => type === "StepSkipped")).toMatchObject({
        step: "says.yes.left",
        cause: "branch",
        reason: "branch 'says' took 'no'"
      })
    })
  )

  test(
    "whether a step in an arm is missing is decided with its branch, whatever happens first",
    Effect.gen(function* () {
      const { submit, get } = yield* Store
      const plan = planFrom(
        task("a"),
        StepBuilders.branch(says, { yes: [task("left", ["a"], "x") as never], no: [task("right", [], "x") as never] }),
        task("join", ["x"])
      )
      for (const failsFirst of [true, false]) {
        const runId = yield* submit(newRun(plan, { onFailure: "continue" }))
        const claims = yield* claim()
        const [a, branch] = ["a", "says"].map((name) => claims.find(({ step }) => step === name)!)
        const acts = [
          [a!, broken],
          [branch!, takes("no")]
        ] as const
        for (const act of failsFirst ? acts : [...acts].reverse()) yield* settle(act)
        yield* settle([yield* claimOne("says.no.right"), done({ x: "1" })])
        yield* settle([yield* claimOne("join"), done({ join: "1" })])
        const run = yield* get(runId)
        expect(run.steps.map(({ status }) => status)).toEqual([
          "FAILED",
          "COMPLETED",
          "SKIPPED",
          "COMPLETED",
          "COMPLETED"
        ])
        expect([run.status, run.outputs]).toEqual(["FAILED", { x: "1", join: "1" }])
      }
    })
  )

  test(
    "a cancelled step is revoked, and the run continues as after its failure",
    Effect.gen(function* () {
      const { submit, get, cancelStep, revoked } = yield* Store
      const plan = planOf({ a: [], b: ["a"], c: [] })
      const runId = yield* submit(newRun(plan, { onFailure: "continue" }))
      const hearing = yield* Effect.forkChild(Stream.runHead(revoked("w1")), { startImmediately: true })
      yield* Effect.yieldNow
      const claims = yield* claim()
      const [a, c] = ["a", "c"].map((name) => claims.find(({ step }) => step === name)!)
      yield* cancelStep(runId, "a", "it hangs")
      expect(Option.getOrThrow(yield* Fiber.join(hearing)).token).toBe(a!.token)
      expect(yield* settle([a!, done()])).toHaveLength(1)
      yield* cancelStep(runId, "a", "again")
      expect(yield* statuses(runId)).toEqual(["CANCELLED", "SKIPPED", "RUNNING"])
      yield* settle([c!, done()])
      const run = yield* get(runId)
      expect(run).toMatchObject({ status: "FAILED", error: { name: "StepCancelled", step: "a" } })
      expect(run.steps[0]!.reason).toBe("it hangs")
      expect(yield* Effect.flip(cancelStep(runId, "none", "x"))).toMatchObject({ _tag: "UnknownStep" })
      expect(yield* Effect.flip(cancelStep("none", "a", "x"))).toMatchObject({ _tag: "RunNotFound" })
    })
  )

  test(
    "steps can be kept or left out from the start, and no step waits for them",
    Effect.gen(function* () {
      const { submit, get, watch } = yield* Store
      const full = planOf({ a: [], b: ["a"], c: ["b"] })
      const plan = {
        ...full,
        steps: [
          { ...full.steps[0]!, initial: { status: "COMPLETED", reason: "kept" } },
          { ...full.steps[1]!, waits: 0 },
          { ...full.steps[2]!, initial: { status: "SKIPPED", reason: "left out" } }
        ]
      } as const
      const runId = yield* submit(newRun(plan, { given: { a: "1" }, targets: ["b"], retryOf: "r0", requestId: "q0" }))
      expect(yield* get(runId)).toMatchObject({ stepsCompleted: 1, outputs: { a: "1" }, targets: ["b"], retryOf: "r0" })
      expect((yield* get(runId)).requestId).toBe("q0")
      const b = yield* claimOne("b")
      expect(b.values.get("a")).toBe("1")
      yield* settle([b, done({ b: "2" })])
      const run = yield* get(runId)
      expect(run).toMatchObject({ status: "COMPLETED", stepsCompleted: 2, outputs: { a: "1", b: "2" } })
      const [started] = yield* Stream.runCollect(watch(runId))
      expect(started).toMatchObject({ type: "RunStarted", requestId: "q0" })
      expect(run.steps.map(({ status, attempts, reason }) => [status, attempts, reason])).toEqual([
        ["COMPLETED", 0, "kept"],
        ["COMPLETED", 1, undefined],
        ["SKIPPED", 0, "left out"]
      ])
      const nothingLeft = { ...plan, steps: [plan.steps[0], plan.steps[2]] }
      expect((yield* finish(yield* submit(newRun(nothingLeft)))).status).toBe("COMPLETED")
      expect(names([])).toEqual([])
    })
  )

  test(
    "a step that is cancelled before it began never begins, whether it waits, is ready, or its run is delayed",
    Effect.gen(function* () {
      const { submit, get, cancelStep, watch } = yield* Store
      const plan = planOf({ a: [], b: ["a"], c: ["b"], d: [] })
      const continued = { onFailure: "continue" } as const
      const cancelled = (runId: string, step: string) =>
        Effect.gen(function* () {
          yield* cancelStep(runId, step, "not needed")
          while ((yield* get(runId)).status !== "FAILED") {
            yield* settle(...(yield* claim(1)).map((claimed) => [claimed, done()] as const))
          }
          const begun = (yield* Stream.runCollect(watch(runId))).filter(({ type }) => type === "StepStarted")
          expect((yield* get(runId)).error).toMatchObject({ name: "StepCancelled", step })
          return begun.map((event) => "step" in event && event.step)
        })

      const waits = yield* submit(newRun(plan, continued))
      expect(yield* cancelled(waits, "b")).toEqual(["a", "d"])
      expect(yield* statuses(waits)).toEqual(["COMPLETED", "CANCELLED", "SKIPPED", "COMPLETED"])
      const ready = yield* submit(newRun(plan, continued))
      expect(yield* cancelled(ready, "a")).toEqual(["d"])
      expect(yield* statuses(ready)).toEqual(["CANCELLED", "SKIPPED", "SKIPPED", "COMPLETED"])
      const delayed = yield* submit(newRun(plan, { ...continued, delayMillis: 20 }))
      expect(yield* cancelled(delayed, "a")).toEqual(["d"])
      const only = yield* submit(newRun(single, { ...continued, delayMillis: 60_000 }))
      expect(yield* cancelled(only, "a")).toEqual([])
      const fast = yield* submit(newRun(plan))
      expect(yield* cancelled(fast, "c")).toEqual([])
      expect(yield* statuses(fast)).toEqual(["SKIPPED", "SKIPPED", "CANCELLED", "SKIPPED"])
    })
  )

  test(
    "steps that go on without a cancelled step of a delayed run begin once, after the delay",
    Effect.gen(function* () {
      const { submit, get, cancelStep } = yield* Store
      const plan = planFrom(task("a"), task("d", ["a?"]))
      const runId = yield* submit(newRun(plan, { onFailure: "skip", delayMillis: 1_000 }))
      yield* cancelStep(runId, "a", "not needed")
      expect(yield* nothing()).toBe(true)
      const d = yield* claimOne("d")
      expect(yield* nothing()).toBe(true)
      yield* settle([d, done({ d: "1" })])
      const run = yield* get(runId)
      expect(run).toMatchObject({ status: "COMPLETED", outputs: { d: "1" } })
      expect(run.startedAtMillis).toBeGreaterThanOrEqual(run.startAtMillis)
    })
  )

  test(
    "a step that is cancelled while it waits for a limit or for its retry is not lent any more",
    Effect.gen(function* () {
      const { submit, cancelStep } = yield* Store
      const plan = limited(planOf({ a: [], b: [] }), { key: "k", max: 1 })
      const runId = yield* submit(newRun(plan, { onFailure: "continue" }))
      const a = yield* claimOne("a")
      expect(yield* nothing()).toBe(true)
      yield* cancelStep(runId, "b", "not needed")
      yield* settle([a, retried(0)])
      const again = yield* claimOne("a")
      yield* settle([again, retried(10)])
      yield* cancelStep(runId, "a", "not needed")
      yield* Effect.sleep(20)
      expect(yield* nothing()).toBe(true)
      expect(yield* statuses(runId)).toEqual(["CANCELLED", "CANCELLED"])
    })
  )

  test(
    "a given value stays, though its producer runs for another output",
    Effect.gen(function* () {
      const { submit, get, watch } = yield* Store
      const both = Task.make("both", { output: { x: U, y: U }, run: () => ({ x: 1, y: 1 }) })
      const plan = planFrom(both, task("end", ["x", "y"]))
      const runId = yield* submit(newRun(plan, { given: { x: "7" } }))
      yield* settle([yield* claimOne("both"), done({ x: "1", y: "2" })])
      expect((yield* get(runId)).outputs).toEqual({ x: "7", y: "2" })
      const end = yield* claimOne("end")
      expect(["x", "y"].map((name) => end.values.get(name))).toEqual(["7", "2"])
      yield* settle([end, done({ end: "9" })])
      expect((yield* get(runId)).outputs).toEqual({ x: "7", y: "2", end: "9" })
      const told = yield* Stream.runCollect(watch(runId))
      expect(told.find(({ type }) => type === "StepCompleted")).toMatchObject({ step: "both", outputs: { y: "2" } })
    })
  )
}
