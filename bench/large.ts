/** Large runs in memory, against awaiting the bare functions and against plain `Effect.forEach`; what waiting steps weigh. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Access, Levada, Pipeline, type Pipeline as Pipelines, Step, Store, Task } from "../adapters/promise/index.ts"
import type { Fields } from "../core/json/Value.ts"
import { compare, shown } from "./compare.ts"

const STEPS = 10_000
const ITEMS = 100_000
/** As many as a worker runs at once unless told otherwise. */
const WIDTH = 100

const next = async (n: number): Promise<number> => n + 1

type Plain = Task.Task<string, Fields, Fields, never, never>
const task = (name: string, input: string, output: string): Plain =>
  Task.make(name, {
    input: { [input]: Schema.Number },
    output: { [output]: Schema.Number },
    run: async (inputs) => ({ [output]: await next(inputs[input] as number) })
  }) as Plain
type Of<Parameters> = Pipelines.Pipeline<string, Parameters, unknown, never, never>

const chain = Pipeline.make(
  "chain",
  Array.from({ length: STEPS }, (_, at) => task(`t${at}`, `v${at}`, `v${at + 1}`))
) as Of<{ readonly v0: number }>
const fan = Pipeline.make(
  "fan",
  Array.from({ length: STEPS }, (_, at) => task(`t${at}`, "v0", `v${at + 1}`))
) as Of<{ readonly v0: number }>
const mapped = (id: string, chunk: number) =>
  Pipeline.make(id, [Step.map(task("next", "n", "m"), { over: { n: "ns" }, outputs: { m: "ms" }, chunk })]) as Of<{
    readonly ns: ReadonlyArray<number>
  }>
const map = mapped("map", 1)
const chunked = mapped("map by 100", 100)

const items = Array.from({ length: ITEMS }, (_, at) => at)
const calls = Array.from({ length: STEPS }, () => next)

/** Awaits `WIDTH` calls at a time. */
const bareWide = async (inputs: ReadonlyArray<number>): Promise<ReadonlyArray<number>> => {
  const outputs: Array<number> = []
  let at = 0
  const lane = async (): Promise<void> => {
    while (at < inputs.length) {
      const index = at++
      outputs[index] = await next(inputs[index]!)
    }
  }
  await Promise.all(Array.from({ length: WIDTH }, lane))
  return outputs
}
const effectWide = (inputs: ReadonlyArray<number>) =>
  Effect.runPromise(Effect.forEach(inputs, (n) => Effect.promise(() => next(n)), { concurrency: WIDTH }))

const speed = async (): Promise<void> => {
  const levada = Levada.make({
    pipelines: [chain, fan, map, chunked],
    access: Access.open,
    store: Store.layerMemory({ historyCount: 1 })
  })
  const zeros = calls.map(() => 0)
  const shapes: ReadonlyArray<
    readonly [
      name: string,
      steps: number,
      bare: () => Promise<unknown>,
      effect: () => Promise<unknown>,
      ours: () => Promise<unknown>
    ]
  > = [
    [
      `chain of ${STEPS}`,
      STEPS,
      async () => {
        let value = 0
        for (const call of calls) value = await call(value)
        return value
      },
      () => {
        let value = 0
        const step = (call: typeof next) =>
          Effect.map(
            Effect.promise(() => call(value)),
            (given) => {
              value = given
            }
          )
        return Effect.runPromise(Effect.forEach(calls, step, { discard: true }))
      },
      () => levada.execute(chain, { v0: 0 })
    ],
    [`fan of ${STEPS}`, STEPS, () => bareWide(zeros), () => effectWide(zeros), () => levada.execute(fan, { v0: 0 })],
    [
      `map of ${ITEMS}`,
      ITEMS,
      () => bareWide(items),
      () => effectWide(items),
      () => levada.execute(map, { ns: items })
    ],
    [`… by 100`, ITEMS, () => bareWide(items), () => effectWide(items), () => levada.execute(chunked, { ns: items })]
  ]
  for (const [name, steps, bare, effect, ours] of shapes) {
    const repeat = (run: () => Promise<unknown>) => async (times: number) => {
      for (let at = 0; at < times; at++) await run()
    }
    const [base, plain, levadas] = await compare({
      bare: repeat(bare),
      "Effect.forEach": repeat(effect),
      levada: repeat(ours)
    })
    const each = (nanos: number) => shown(nanos / steps).padStart(8)
    const ratio = (levadas!.nanos / base!.nanos).toFixed(1)
    console.log(
      `  ${name.padEnd(14)} bare ${each(base!.nanos)}, Effect.forEach ${each(plain!.nanos)}, levada ${each(levadas!.nanos)}: ` +
        `${shown((levadas!.nanos - base!.nanos) / steps)} more than bare, ratio ${ratio} to bare, ` +
        `${(levadas!.nanos / plain!.nanos).toFixed(1)} to Effect.forEach`
    )
  }
  await levada.close()
}

setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc") as () => void

/** Bytes on the heap for each of what `fill` leaves waiting. */
const weight = async (count: number, fill: (levada: Levada.Levada) => Promise<unknown>): Promise<number> => {
  const levada = Levada.make({ pipelines: [chain, fan, map, chunked], access: Access.open })
  for (const { id } of [chain, fan, map, chunked]) await levada.pause(id)
  collect()
  const before = process.memoryUsage().heapUsed
  await fill(levada)
  collect()
  const after = process.memoryUsage().heapUsed
  await levada.close()
  return (after - before) / count
}

const memory = async (): Promise<void> => {
  const started = (pipeline: Of<{ readonly v0: number }>) => async (levada: Levada.Levada) => {
    for (let at = 0; at < 10; at++) await levada.start(pipeline, { v0: 0 })
  }
  for (const [name, count, fill] of [
    [`10 runs of the fan`, 10 * STEPS, started(fan)],
    [`10 runs of the chain`, 10 * STEPS, started(chain)]
  ] as const) {
    await weight(count, fill) // warm
    console.log(`  ${name.padEnd(24)} ${(await weight(count, fill)).toFixed(0)} bytes for each step that waits`)
  }
}

/** The most heap in use while a map goes on, for each item. */
const peak = async (): Promise<void> => {
  const levada = Levada.make({ pipelines: [map], access: Access.open, store: Store.layerMemory({ historyCount: 1 }) })
  await levada.execute(map, { ns: items })
  collect()
  const before = process.memoryUsage().heapUsed
  const runId = await levada.start(map, { ns: items })
  for await (const event of levada.watch(runId)) if (event.type === "StepProgressed" && event.done > ITEMS / 2) break
  collect()
  const halfway = process.memoryUsage().heapUsed
  await levada.result(map, runId)
  console.log(
    `  ${`map of ${ITEMS}, halfway`.padEnd(24)} ${((halfway - before) / ITEMS).toFixed(0)} bytes for each item, done or waiting`
  )
  await levada.close()
}

export const large = async (): Promise<void> => {
  console.log(`Large runs in memory, per step (events on, ${WIDTH} at once; target: at most 3 µs more than bare)`)
  await speed()
  console.log("What waits, on the heap")
  await memory()
  await peak()
}

if (import.meta.main) await large()
