/** Values that are long, deep or odd: they come back as they were kept, or are refused by a bound that counts bytes of UTF-8. */
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import * as Levada from "../../../core/Levada.ts"
import { Operations } from "../../../core/operations/Operations.ts"
import * as Pipeline from "../../../core/PipelineModule.ts"
import type { PlanStep } from "../../../core/pipeline/Plan.ts"
import * as StepBuilders from "../../../core/pipeline/StepBuilders.ts"
import * as Run from "../../../core/run/Run.ts"
import { Store } from "../../../core/store/Store.ts"
import type { Claim, Outcome } from "../../../core/store/Work.ts"
import * as Task from "../../../core/task/Task.ts"
import { ofText } from "../../../core/values/Bytes.ts"
import { inputsTooLarge } from "../../../core/values/ErrorInfo.ts"
import { host } from "../../../core/values/Principal.ts"
import { cases } from "../../cases.ts"
import { claim, claimOne, type Declare, done, mine, newRun, planOf, SMALL, settle } from "./harness/Driving.ts"
import { serving } from "./harness/Serving.ts"

/** A letter of each length in UTF-8. */
const LETTERS: ReadonlyArray<readonly [bytes: number, letter: string]> = [
  [1, "a"],
  [2, "é"],
  [3, "€"],
  [4, "😀"]
]

const nested = (depth: number): unknown => {
  let value: unknown = "deep"
  for (let at = 0; at < depth; at++) value = at % 2 === 0 ? [value] : { in: value }
  return value
}

const ODD: ReadonlyArray<unknown> = [
  null,
  "",
  0,
  1e308,
  -1e308,
  5e-324,
  Number.MAX_SAFE_INTEGER,
  0.1 + 0.2,
  1e21,
  '"\\/\b\f\n\r\t\u0000\u001f\u007f\u2028\u2029',
  "\ud800",
  "\udc00 and \ud83d",
  "😀",
  "nil",
  "null",
  [],
  {},
  [[], {}, [[]], ""],
  { "": "", "\ud800": "half", "a b": 1, constructor: 1, '"': '"' },
  JSON.parse('{"__proto__":{"x":1}}'),
  nested(900),
  Array.from({ length: 20_000 }, (_, at) => at)
]

/** Any JSON, with strings of any UTF-16 units. */
const anyValue = fc.jsonValue({ maxDepth: 4, noUnicodeString: false }).map((value) => JSON.parse(JSON.stringify(value)))
const anyUnits = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) })

const text = JSON.stringify

/** Values of these names that have so many bytes of JSON together, of this letter as far as it goes. */
const spread = (names: ReadonlyArray<string>, total: number, letter: string): Readonly<Record<string, string>> => {
  const each = Math.floor(total / names.length)
  return Object.fromEntries(
    names.map((name, at) => {
      const room = (at === 0 ? total - each * (names.length - 1) : each) - 2
      const many = Math.floor(room / ofText(letter))
      return [name, text(letter.repeat(many) + "x".repeat(room - many * ofText(letter)))]
    })
  )
}

export const hostileValues = (test: Declare, testSmall: Declare): void => {
  test(
    "what a Store is given comes back letter by letter: parameters, outputs, items and memoised results",
    Effect.gen(function* () {
      const { submit, get, watch } = yield* Store
      const random = fc.sample(fc.oneof(anyValue, anyUnits), cases(100))
      const values = [...ODD, ...random].map((value) => text(value))
      for (const half of [values.slice(0, ODD.length), values.slice(ODD.length)]) {
        const record = Object.fromEntries(half.map((json, at) => [`v${at}`, json]))
        const names = Object.keys(record)
        const runId = yield* submit(newRun(planOf({ a: names, b: ["a"] }), { parameters: record }))
        const a = yield* claimOne("a")
        for (const name of names) expect(a.values.get(name)).toBe(record[name])
        yield* settle([a, done({ a: "1", ...Object.fromEntries(names.map((name) => [`o${name}`, record[name]!])) })])
        yield* settle([yield* claimOne("b"), done()])
        const run = yield* get(runId)
        expect(run.parameters).toEqual(record)
        for (const name of names) expect(run.outputs[`o${name}`]).toBe(record[name])
        const events = yield* Stream.runCollect(watch(runId))
        const completed = events.find((event) => event.type === "StepCompleted")
        expect(completed?.type === "StepCompleted" && completed.outputs).toEqual(
          Object.fromEntries(Object.entries(run.outputs))
        )
      }
    })
  )

  test(
    "items of a list are lent, and come back, letter by letter",
    Effect.gen(function* () {
      const { submit, get } = yield* Store
      const units = [...ODD, ...fc.sample(anyUnits, cases(50))].map((value) => text(value))
      const plain = planOf({ a: [] })
      const expands = { inOrder: false, max: Number.MAX_SAFE_INTEGER, outputs: ["a"], lists: [] }
      const runId = yield* submit(newRun({ ...plain, steps: [{ ...plain.steps[0]!, expands }] }))
      const source = yield* claimOne("a")
      yield* settle([source, { _tag: "Expanded", units, count: units.length, size: 1 }])
      for (let left = units.length; left > 0; ) {
        const claims = yield* claim(100)
        for (const claimed of claims) expect(claimed.item!.value).toBe(units[claimed.item!.index])
        yield* settle(...claims.map((claimed) => [claimed, done({ a: claimed.item!.value })] as const))
        left -= claims.length
      }
      expect((yield* get(runId)).outputs).toEqual({ a: `[${units.join(",")}]` })
    })
  )

  test(
    "what a task gets and gives is what was given, through a worker",
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const echo = Task.make("echo", {
        input: { value: Schema.Unknown },
        output: { same: Schema.Unknown },
        run: ({ value }) => {
          seen.push(value)
          return { same: value }
        }
      })
      const pipeline = Pipeline.make("hostile_echo", [echo])
      const values = [...ODD, ...fc.sample(fc.oneof(anyValue, anyUnits), cases(50))]
      yield* serving(
        [pipeline],
        Effect.gen(function* () {
          for (const value of values) {
            const result = yield* Levada.execute(pipeline, { value })
            expect([text(seen.pop()), text(result)]).toEqual([text(value), text(value)])
          }
        })
      )
    })
  )

  test(
    "milliseconds with a fraction are rounded up, wherever they come in",
    Effect.gen(function* () {
      let attempts = 0
      const work = Task.make("work", {
        output: { done: Schema.Number },
        memo: { ttlMillis: 60_000.5 },
        retry: { times: 1, delayMillis: 0.4, maxDelayMillis: 0.5, totalMillis: 60_000.5 },
        timeoutMillis: 60_000.5,
        run: () => {
          if (++attempts === 1) throw new Error("once")
          return { done: attempts }
        }
      })
      const pipeline = Pipeline.make("hostile_millis", [work], { timeoutMillis: 60_000.5 })
      yield* serving(
        [pipeline],
        Effect.gen(function* () {
          const { run, addSchedule } = yield* Operations
          const id = yield* Levada.start(pipeline, {}, { delayMillis: 0.4 })
          expect(yield* Levada.result(pipeline, id, 60_000.5)).toBe(2)
          const first = yield* run(host, id)
          expect([first.startAtMillis - first.submittedAtMillis, first.timeoutMillis]).toEqual([1, 60_001])
          expect(yield* Levada.execute(pipeline, {}, { timeoutMillis: 59_999.001, delayMillis: 0 })).toBe(2)
          const schedule = yield* addSchedule(
            host,
            Levada.schedule(pipeline, {
              id: "s",
              timing: { everyMillis: 3_600_000 },
              parameters: {},
              graceMillis: 0.1
            })
          )
          expect(schedule.graceMillis).toBe(1)
        })
      )
    })
  )

  testSmall(
    "a value may take exactly as many bytes as the bound says, and no more, whatever its letters take",
    Effect.gen(function* () {
      const repeat = Task.make("repeat", {
        input: { letter: Schema.String, length: Schema.Number, pad: Schema.Number },
        output: { long: Schema.String },
        run: ({ letter, length, pad }) => ({ long: letter.repeat(length) + "x".repeat(pad) })
      })
      const pipeline = Pipeline.make("hostile_repeat", [repeat])
      const take = Task.make("take", {
        input: { long: Schema.String },
        output: { units: Schema.Number },
        run: ({ long }) => ({ units: long.length })
      })
      const taking = Pipeline.make("hostile_take", [take])
      yield* serving(
        [pipeline, taking],
        Effect.gen(function* () {
          for (const [bytes, letter] of LETTERS) {
            // Two bytes are for the quotes.
            const room = SMALL - 2
            const length = Math.floor(room / bytes)
            const exact = { letter, length, pad: room - length * bytes }
            const long = yield* Levada.execute(pipeline, exact)
            expect(ofText(text(long))).toBe(SMALL)
            const over = yield* Effect.flip(Levada.execute(pipeline, { ...exact, pad: exact.pad + 1 }))
            expect(over).toMatchObject({ _tag: "RunFailed", error: { name: "ValueTooLarge", step: "repeat" } })
            expect(over.message).toContain(`an output 'long' of ${SMALL + 1} bytes of JSON; at most ${SMALL} are kept`)
            expect(yield* Levada.execute(taking, { long })).toBe(long.length)
            const refused = yield* Effect.flip(Levada.execute(taking, { long: `${long}x` }))
            expect(refused).toMatchObject({
              _tag: "ParametersInvalid",
              problems: [
                {
                  path: ["parameters", "long"],
                  message: `Longer than ${SMALL} bytes of JSON, the longest value`
                }
              ]
            })
          }
        })
      )
    })
  )

  testSmall(
    "all that a run is given, and all that a step gives, may take 16 times as many bytes together, and no more",
    Effect.gen(function* () {
      const names = Array.from({ length: 17 }, (_, at) => `v${at}`)
      const fields = Object.fromEntries(names.map((name) => [name, Schema.String]))
      const optional = Object.fromEntries(names.map((name) => [name, Schema.optionalKey(Schema.String)]))
      const longest = Object.fromEntries(names.map((name) => [name, "é".repeat((SMALL - 2) / 2)]))
      // The last two take as much together as one that is as long as can be.
      const fitting = { ...longest, v15: "é".repeat((SMALL - 4) / 2), v16: "" }
      const over = { ...fitting, v16: "x" }
      const take = Task.make("take", {
        input: optional,
        output: { done: Schema.Boolean },
        run: () => ({ done: true })
      })
      const taking = Pipeline.make("hostile_many_taken", [take])
      let given: Readonly<Record<string, string>> = fitting
      const give = Task.make("give", { output: fields, run: () => given as never })
      const giving = Pipeline.make("hostile_many_given", [give])
      yield* serving(
        [taking, giving],
        Effect.gen(function* () {
          expect(yield* Levada.execute(taking, fitting as never)).toBe(true)
          const refused = yield* Effect.flip(Levada.execute(taking, over as never))
          expect(refused).toMatchObject({
            _tag: "ParametersInvalid",
            problems: [
              {
                path: [],
                message: `Together longer than ${16 * SMALL} bytes of JSON, the most that one run may be given`
              }
            ]
          })
          // Values in the place of steps count as well.
          const inPlace = yield* Effect.flip(Levada.start(giving, {} as never, { given: over } as never))
          expect(inPlace).toMatchObject({ _tag: "ParametersInvalid", problems: [{ path: [] }] })
          expect(yield* Levada.execute(giving, {} as never)).toEqual(fitting)
          given = over
          const failure = yield* Effect.flip(Levada.execute(giving, {} as never))
          expect(failure).toMatchObject({ _tag: "RunFailed", error: { name: "ValueTooLarge", step: "give" } })
          expect(failure.message).toContain(`outputs of more than ${16 * SMALL} bytes of JSON together`)
        })
      )
    })
  )

  testSmall(
    "the inputs of a step may take 16 times as many bytes together, and no more: else it fails with why, and nothing else does",
    Effect.gen(function* () {
      const { submit, get, settle: settling } = yield* Store
      const most = 16 * SMALL
      const names = Array.from({ length: 20 }, (_, at) => `v${at}`)
      const plain = planOf({ a: names }).steps[0]!
      const mapped = { inOrder: false, max: 100, outputs: ["a"], lists: ["list"] }
      const kinds: ReadonlyArray<readonly [string, PlanStep]> = [
        ["a step", plain],
        ["a step that is probed", { ...plain, probed: true }],
        ["a step that reads its items", { ...plain, reads: [], expands: { ...mapped, lists: names } }],
        ["an item", { ...plain, expands: mapped }],
        ["an item that is probed", { ...plain, probed: true, expands: mapped }],
        ["an item in order", { ...plain, expands: { ...mapped, inOrder: true } }]
      ]
      const totals = [most, most + 1, ...fc.sample(fc.integer({ min: most - 500, max: most + 2_000 }), cases(6))]
      for (const [kind, step] of kinds) {
        for (const total of totals) {
          const [[, letter]] = fc.sample(fc.constantFrom(...LETTERS), 1) as [(typeof LETTERS)[number]]
          const parameters = { list: "[1,2]", ...spread(names, total, letter) }
          const runId = yield* submit(newRun({ steps: [step], results: [] }, { parameters }))
          const other = yield* submit(newRun(planOf({ a: [] })))
          const isTooLong = total > most
          const about = `${kind}, ${total} bytes`
          // Whatever is lent of the run is carried on; the other one is done besides.
          for (let isOver = false; !isOver; ) {
            // Without waiting: there may be nothing left to lend.
            const { claims } = yield* settling([], { worker: "w1", max: 10, versions: mine })
            yield* settle(
              ...claims.map((claimed): readonly [Claim, Outcome] => {
                if (claimed.phase === "probe") return [claimed, { _tag: "Probed", limits: [] }]
                if (claimed.phase === "expand")
                  return [claimed, { _tag: "Expanded", units: ["1", "2"], count: 2, size: 1 }]
                return [claimed, done({ a: "1" })]
              })
            )
            isOver = Run.isTerminal((yield* get(runId)).status) && Run.isTerminal((yield* get(other)).status)
          }
          const run = yield* get(runId)
          expect([about, run.status]).toEqual([about, isTooLong ? "FAILED" : "COMPLETED"])
          if (isTooLong) expect(run.error, about).toEqual(inputsTooLarge("a", total, most))
          expect((yield* get(other)).status).toBe("COMPLETED")
        }
      }
    })
  )

  testSmall(
    "the results of one unit of several items are no longer than a value",
    Effect.gen(function* () {
      const long = Task.make("long", {
        input: { n: Schema.Number },
        output: { text: Schema.String },
        run: ({ n }) => ({ text: "€".repeat(n) })
      })
      const pipeline = Pipeline.make("hostile_chunk", [StepBuilders.map(long, { over: { n: "ns" }, chunk: 10 })])
      yield* serving(
        [pipeline],
        Effect.gen(function* () {
          const failure = yield* Effect.flip(Levada.execute(pipeline, { ns: [100, 100, 100, 100] }))
          expect(failure).toMatchObject({ _tag: "RunFailed", error: { name: "ValueTooLarge", step: "long" } })
        })
      )
    })
  )
}
