/**
 * Unusual texts in every place that takes a text: each works from end to end, or is refused by name, and is never
 * mistaken for another text.
 */
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import * as Access from "../../../core/access/Access.ts"
import * as Levada from "../../../core/Levada.ts"
import { Operations } from "../../../core/operations/Operations.ts"
import * as Pipeline from "../../../core/PipelineModule.ts"
import * as Parameters from "../../../core/pipeline/Parameters.ts"
import * as StepBuilders from "../../../core/pipeline/StepBuilders.ts"
import { Store } from "../../../core/store/Store.ts"
import * as Task from "../../../core/task/Task.ts"
import * as Acl from "../../../core/values/Acl.ts"
import { host, type Visitor } from "../../../core/values/Principal.ts"
import { cases } from "../../cases.ts"
import { type Declare, newRun, single } from "./harness/StoreDriver.ts"
import { withWorker } from "./harness/WithWorker.ts"

const S = Schema.String

/** The character that replaces an unpaired surrogate in UTF-8. */
const REPLACEMENT = "\ufffd"

/** Unusual texts of every kind. Texts that differ only in a surrogate are neighbours. */
const ODD: ReadonlyArray<string> = [
  REPLACEMENT,
  "\ud800",
  "\udfff",
  "a\ud83d",
  "a\ud83e",
  `a${REPLACEMENT}`,
  "",
  " ",
  "\u0000",
  "a\u0000b",
  "\u001f",
  "\n",
  "a\nb",
  "\r\n",
  "\u007f",
  "\u009b31m",
  "\u2028",
  "😀",
  "é",
  "e\u0301",
  "__proto__",
  "constructor",
  "toString",
  ".",
  "..",
  "*",
  "result",
  "null",
  "{a}",
  "a:b",
  "a|b",
  "%00",
  "x".repeat(200),
  "x".repeat(255),
  "x".repeat(256),
  "x".repeat(500),
  "x".repeat(100_000),
  "€".repeat(200)
]

const random = () =>
  fc.sample(
    fc.string({
      unit: fc.oneof(
        fc.constantFrom("a", "\n", "\u0000", "\u001f", ":", "|", "\ud83d", "\ude00", REPLACEMENT),
        fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit))
      ),
      maxLength: 8
    }),
    cases(60)
  )

const texts = (): ReadonlyArray<string> => [...new Set([...ODD, ...random()])]

/** The failure with which a text is refused; undefined if it is accepted. */
const refusal = (open: () => unknown): { readonly _tag: string; readonly message: string } | undefined => {
  try {
    open()
    return undefined
  } catch (error) {
    return error as { readonly _tag: string; readonly message: string }
  }
}

const isKey = (text: string, most: number, least = 1) =>
  text.length >= least && text.length <= most && text.isWellFormed()

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/

const isName = (text: string) => isKey(text, 200) && !["__proto__", ".", ".."].includes(text) && !CONTROL.test(text)

/** Checks which texts are refused, and that a failure names them. Returns the accepted ones. */
const admitted = (
  all: ReadonlyArray<string>,
  isFine: (text: string) => boolean,
  tag: string,
  open: (text: string) => unknown
): ReadonlyArray<string> =>
  all.filter((text) => {
    const refused = refusal(() => open(text))
    expect([JSON.stringify(text), refused?._tag]).toEqual([JSON.stringify(text), isFine(text) ? undefined : tag])
    expect((refused?.message ?? "").length).toBeLessThan(1_000)
    return refused === undefined
  })

export const hostileTextsSuite = (test: Declare): void => {
  test(
    "names of tasks, steps, values and pipelines",
    Effect.gen(function* () {
      const all = texts()
      const input = { before: Schema.optionalKey(S) }
      const taskOf = (name: string) => Task.make(name, { input, output: { out: S }, run: () => ({ out: name }) })
      const names = admitted(all, isName, "InvalidName", taskOf)
      admitted(all, isName, "InvalidName", (key) => Task.make("t", { input: { [key]: S }, run: () => ({}) }))
      admitted(all, isName, "InvalidName", (key) => Task.make("t", { output: { [key]: S }, run: () => ({}) as never }))
      admitted(all, isName, "InvalidName", (name) => StepBuilders.make(taskOf("t"), { name }))
      admitted(all, isName, "InvalidName", (name) => StepBuilders.make(taskOf("t"), { outputs: { out: name } }))
      admitted(all, isName, "InvalidName", (name) => StepBuilders.nest(Pipeline.make("p", [taskOf("t")]), { name }))
      const ids = admitted(
        all,
        (text) => isName(text) && text !== "result",
        "InvalidName",
        (id) => Pipeline.make(id, [taskOf("t")])
      )
      const echo = (id: string, name: string): Pipeline.Any =>
        Pipeline.make(id, [
          Task.make(name, {
            input: { [`in ${name}`.slice(0, 200).toWellFormed()]: S },
            output: { [name]: S },
            run: (inputs) => ({ [name]: Object.values(inputs)[0] as string })
          })
        ])
      const pipelines = ids.map((id, at) => echo(id, names[at % names.length]!))
      yield* withWorker(
        pipelines,
        Effect.gen(function* () {
          const operations = yield* Operations
          for (const pipeline of pipelines) {
            const parameter = pipeline.parameters[0]!.name
            expect(yield* Levada.execute(pipeline, { [parameter]: "x" })).toBe("x")
            const { runs } = yield* operations.runs(host, { pipelineId: pipeline.id, limit: 10 })
            expect(runs.map(({ pipelineId, steps }) => [pipelineId, steps[0]!.name])).toEqual([
              [pipeline.id, pipeline.steps[0]!.name]
            ])
            yield* operations.pause(host, pipeline.id)
            expect((yield* operations.pausable(host, pipeline.id)).paused).toBe(true)
            yield* operations.resume(host, pipeline.id)
            const [step] = pipeline.dag.names
            const again = { targets: [step!] }
            const runId = yield* Levada.start(pipeline, { [parameter]: "y" } as never, again as never)
            expect(yield* Levada.result(pipeline, runId)).toBe("y")
          }
        })
      )
    })
  )

  test(
    "steps named by a caller are unknown unless their name is exactly that of a step",
    Effect.gen(function* () {
      const task = Task.make(REPLACEMENT, { output: { out: S }, run: () => ({ out: "x" }) })
      const pipeline = Pipeline.make("made_up", [task])
      yield* withWorker(
        [pipeline],
        Effect.gen(function* () {
          const operations = yield* Operations
          const runId = yield* Levada.start(pipeline, {})
          yield* Levada.result(pipeline, runId)
          for (const text of texts().filter((each) => each !== REPLACEMENT)) {
            for (const asked of [
              operations.start(host, pipeline.id, Parameters.fromJson({}), { targets: [text] }),
              operations.retry(host, runId, [text]),
              operations.cancelStep(host, runId, text)
            ]) {
              const failure = yield* Effect.flip(asked as Effect.Effect<unknown, { readonly _tag: string }>)
              expect([JSON.stringify(text), failure._tag]).toEqual([JSON.stringify(text), "UnknownStep"])
            }
          }
        })
      )
    })
  )

  test(
    "ids named by a caller are unknown unless they are exactly the id of an object",
    Effect.gen(function* () {
      const store = yield* Store
      const task = Task.make("t", { output: { out: S }, run: () => ({ out: "x" }) })
      const pipeline = Pipeline.make("p", [task])
      yield* withWorker(
        [pipeline],
        Effect.gen(function* () {
          const operations = yield* Operations
          // A text with an unpaired surrogate could be mistaken for this one.
          yield* operations.register(host, { id: REPLACEMENT, kind: "dataflow", tasks: ["t"] })
          yield* operations.addSchedule(
            host,
            Levada.schedule(pipeline, { id: REPLACEMENT, timing: { everyMillis: 3_600_000 }, parameters: {} })
          )
          for (const text of texts().filter((each) => each !== REPLACEMENT)) {
            const asked: ReadonlyArray<readonly [string, Effect.Effect<unknown, { readonly _tag: string }>]> = [
              ["PipelineNotFound", operations.pipeline(host, text)],
              ["PipelineNotFound", operations.pause(host, text)],
              ["PipelineNotFound", operations.unregister(host, text)],
              ["PipelineNotFound", operations.start(host, text, Parameters.fromJson({}))],
              ["PipelineNotFound", operations.statistics(host, text)],
              ["ScheduleNotFound", operations.schedule(host, text)],
              ["ScheduleNotFound", operations.pauseSchedule(host, text)],
              ["ScheduleNotFound", operations.removeSchedule(host, text)],
              ["RunNotFound", operations.run(host, text)],
              ["RunNotFound", operations.cancel(host, text)],
              ["RunNotFound", operations.remove(host, text)]
            ]
            for (const [tag, effect] of asked) {
              const failure = yield* Effect.flip(effect)
              expect([JSON.stringify(text), failure._tag]).toEqual([JSON.stringify(text), tag])
            }
            const listed = yield* Effect.result(operations.runs(host, { pipelineId: text, limit: 10 }))
            if (Result.isFailure(listed)) expect(listed.failure._tag).toBe("InvalidOption")
            else expect(listed.success.runs).toEqual([])
          }
          expect((yield* operations.pausable(host, REPLACEMENT)).paused).toBe(false)
          expect((yield* operations.schedule(host, REPLACEMENT)).paused).toBe(false)
          expect([...(yield* store.paused)]).toEqual([])
        })
      )
    })
  )

  test(
    "idempotency keys: each names its own run, or is refused",
    Effect.gen(function* () {
      const task = Task.make("t", { output: { out: S }, run: () => ({ out: "x" }) })
      const pipeline = Pipeline.make("keyed", [task])
      yield* withWorker(
        [pipeline],
        Effect.gen(function* () {
          const started = new Map<string, string>()
          for (const text of texts()) {
            const run = yield* Effect.result(Levada.start(pipeline, {}, { idempotencyKey: text }))
            const tag = Result.isFailure(run) ? run.failure._tag : undefined
            expect([JSON.stringify(text), tag]).toEqual([
              JSON.stringify(text),
              isKey(text, 255) ? undefined : "InvalidOption"
            ])
            if (Result.isSuccess(run)) started.set(text, run.success)
          }
          expect(new Set(started.values()).size).toBe(started.size)
          for (const [text, runId] of started) {
            expect(yield* Levada.start(pipeline, {}, { idempotencyKey: text })).toBe(runId)
          }
        })
      )
    })
  )

  test(
    "keys of limits, fixed or made of inputs, and inputs of a memoised step",
    Effect.gen(function* () {
      const all = texts()
      const isFine = (text: string) => isKey(text, 500, 0)
      const limited = (id: string, key: string) =>
        Pipeline.make(id, [Task.make("t", { output: { out: S }, limit: { key, max: 1 }, run: () => ({ out: "x" }) })])
      const fixed = admitted(all, isFine, "InvalidOption", (key) => limited("p", key)).map((key, at) =>
        limited(`fixed_${at}`, key)
      )
      let calls = 0
      const made = Pipeline.make("made", [
        Task.make("made", {
          input: { text: S },
          output: { out: S },
          limit: { key: ({ text }) => text, max: 1 },
          memo: { ttlMillis: 0 },
          run: ({ text }) => {
            calls++
            return { out: text }
          }
        })
      ])
      const memoised = Pipeline.make("memoised", [
        Task.make("memoised", {
          input: { text: S },
          output: { out: S },
          memo: { ttlMillis: 0.4 },
          run: ({ text }) => ({ out: text })
        })
      ])
      yield* withWorker(
        [...fixed, made, memoised],
        Effect.gen(function* () {
          for (const pipeline of fixed) expect(yield* Levada.execute(pipeline, {})).toBe("x")
          let fine = 0
          for (const text of all) {
            const run = yield* Effect.result(Levada.execute(made, { text }))
            if (isFine(text)) {
              expect([JSON.stringify(text), run]).toEqual([JSON.stringify(text), Result.succeed(text)])
              expect(yield* Levada.execute(made, { text })).toBe(text)
              expect(calls).toBe(++fine)
            } else {
              if (Result.isSuccess(run) || run.failure._tag !== "RunFailed") throw new Error(JSON.stringify(text))
              expect(run.failure.error).toMatchObject({ name: "LimitKeyFailed", step: "made" })
              expect(run.failure.message).toContain("key of limit of task 'made'")
            }
            expect(yield* Levada.execute(memoised, { text })).toBe(text)
          }
        })
      )
    })
  )

  test(
    "ids of schedules: each schedule is kept under its own id, or is refused",
    Effect.gen(function* () {
      const pipeline = Pipeline.make("scheduled", [Task.make("t", { run: () => ({}) })])
      yield* withWorker(
        [pipeline],
        Effect.gen(function* () {
          const operations = yield* Operations
          const kept: Array<string> = []
          for (const id of texts()) {
            const schedule = Levada.schedule(pipeline, { id, timing: { everyMillis: 3_600_000 }, parameters: {} })
            const made = yield* Effect.result(operations.addSchedule(host, schedule))
            const tag = Result.isFailure(made) ? made.failure._tag : undefined
            expect([JSON.stringify(id), tag]).toEqual([JSON.stringify(id), isName(id) ? undefined : "InvalidName"])
            if (Result.isSuccess(made)) kept.push(id)
          }
          expect((yield* operations.schedules(host)).map(({ id }) => id).sort()).toEqual([...kept].sort())
          for (const id of kept) {
            expect(yield* operations.pauseSchedule(host, id)).toMatchObject({ id, paused: true })
            yield* operations.removeSchedule(host, id)
          }
          expect(yield* operations.schedules(host)).toEqual([])
        })
      )
    })
  )

  test(
    "roles, principals and ACLs: each is distinct, or is refused",
    Effect.gen(function* () {
      const all = texts()
      const isFine = (text: string) => isKey(text, 250)
      const everything = { pipelines: ["*"], permissions: ["read", "execute", "admin"] as const }
      const authenticators = [{ scheme: "Test", authenticate: () => undefined }]
      const wrong = (open: (text: string) => Access.Options, isRight: (text: string) => boolean) =>
        admitted(all, isRight, "InvalidOption", (text) => Access.secured(open(text)))
      const own = (text: string, value: object) => JSON.parse(`{${JSON.stringify(text)}:${JSON.stringify(value)}}`)
      wrong((role) => ({ authenticators, roles: own(role, everything) }), isFine)
      wrong((id) => ({ authenticators, acls: own(id, { read: ["viewer"] }) }), isName)
      for (const name of all) {
        expect([name, Acl.problems({ read: [name] }).length]).toEqual([name, isKey(name, 250) ? 0 : 1])
      }
      let who = { id: "", roles: [""] }
      const access = Access.secured({
        authenticators: [{ scheme: "Test", authenticate: () => ({ ...who, grants: [everything] }) }],
        limits: { read: "1/day" },
        limitsByAddress: {}
      })
      const visitor: Visitor = {
        address: undefined,
        requestId: undefined,
        operation: "test",
        secure: true,
        apiKey: "x",
        bearer: undefined,
        header: () => undefined
      }
      const pipeline = Pipeline.make("p", [Task.make("t", { run: () => ({}) })])
      yield* withWorker(
        [pipeline],
        Effect.gen(function* () {
          const operations = yield* Operations
          for (const text of all) {
            for (const [id, role] of [
              [text, "viewer"],
              [`id ${all.indexOf(text)}`, text]
            ] as const) {
              who = { id, roles: [role] }
              const caller = yield* Effect.result(operations.enter(visitor, "read"))
              const tag = Result.isFailure(caller) ? caller.failure._tag : undefined
              expect([JSON.stringify(text), tag]).toEqual([
                JSON.stringify(text),
                isFine(text) ? undefined : "AuthenticatorUnavailable"
              ])
              if (Result.isFailure(caller)) continue
              // One request a day for each: no request has counted for another principal.
              yield* operations.pipelines(caller.success)
              const more = yield* Effect.flip(operations.pipelines(caller.success))
              expect(more._tag).toBe("RateLimited")
            }
          }
          const { records } = yield* operations.auditRecords(host, { limit: 1_000, outcome: "allowed" })
          const named = (id: string): string => `Test:${id}`
          expect(new Set(records.map(({ principal }) => principal))).toEqual(
            new Set(
              [...all.filter(isFine), ...all.flatMap((text, at) => (isFine(text) ? [`id ${at}`] : []))].map(named)
            )
          )
        }),
        access
      )
    })
  )

  test(
    "reasons, errors, log lines and request ids are kept well-formed, and cut",
    Effect.gen(function* () {
      const { submit, get } = yield* Store
      const fail = Task.make("fail", {
        input: { text: S },
        run: ({ text }, { log }) => {
          log(text, { [text.slice(0, 100)]: text.slice(0, 100) })
          throw new Error(text)
        }
      })
      const pipeline = Pipeline.make("failing", [fail])
      yield* withWorker(
        [pipeline],
        Effect.gen(function* () {
          const operations = yield* Operations
          for (const text of texts()) {
            const cut = (most: number) => (text.length > most ? `${text.slice(0, most)}…` : text).toWellFormed()
            for (const end of [
              operations.cancel,
              (caller: typeof host, id: string, reason: string) => operations.cancelStep(caller, id, "a", reason)
            ]) {
              const runId = yield* submit(newRun(single))
              yield* end(host, runId, text)
              const run = yield* get(runId)
              expect(run.status === "CANCELLED" ? run.reason : run.steps[0]!.reason).toBe(cut(1_000))
            }
            const caller = { ...host, origin: { ...host.origin, requestId: text } }
            const given = Parameters.fromJson({ text })
            const runId = yield* operations.start(caller, pipeline.id, given)
            const failure = yield* Effect.flip(operations.wait(host, runId))
            if (failure._tag !== "RunFailed") throw failure
            const run = yield* get(runId)
            expect(run.requestId).toBe(cut(200))
            const { lines } = yield* operations.lines(host, runId)
            expect(lines[0]!.message).toBe(cut(2_000))
            expect(JSON.parse(lines[0]!.fields!)).toEqual(
              JSON.parse(JSON.stringify({ [text.slice(0, 100)]: text.slice(0, 100) }))
            )
            const { cause } = run.error!
            if (text !== "") expect(cause!.message).toBe(cut(2_000))
            expect(cause!.message.isWellFormed() && run.error!.message.isWellFormed()).toBe(true)
          }
        })
      )
    })
  )
}
