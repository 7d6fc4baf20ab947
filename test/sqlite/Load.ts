/** What a process under test does until it is killed: pipelines of every kind, started, cancelled, delayed and scheduled at random. */
import * as Schema from "effect/Schema"
import { Levada as Host, Pipeline, Step, Task } from "../../adapters/promise/index.ts"

/** Writes a line of the ledger, with one system call: a process that is killed has written it or has not. */
export type Tell = (...line: ReadonlyArray<string | number>) => void

type Levada = Host.Levada

const later = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))

/** Random numbers from 0 to 1 that follow from a seed. */
export const randomOf = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** How many runs of `squares` and how many steps `square` may be under way at once. */
export const MAX_RUNS = 6
export const MAX_SQUARES = 2

/** How long a run of `endless` may take, in milliseconds. */
export const ENDLESS_MILLIS = 150

const KEYS = 50

/** The pipelines. Each task tells the ledger that it begins. */
export const pipelinesOf = (tell: Tell) => {
  const began = ({ runId, step, item = -1, attempt }: Task.TaskContext): void =>
    tell("began", runId, step, item, attempt)
  const list = Task.make("list", {
    input: { size: Schema.Number },
    output: { numbers: Schema.Array(Schema.Number) },
    run: ({ size }, context) => {
      began(context)
      return { numbers: numbersTo(size) }
    }
  })
  const double = Task.make("double", {
    input: { number: Schema.Number },
    output: { doubled: Schema.Number },
    retry: { times: 100, delayMillis: 2 },
    run: async ({ number }, context) => {
      began(context)
      await later(number % 4)
      if (number % 7 === 3 && context.attempt % 2 === 1) throw new Error("odd attempts fail")
      return { doubled: 2 * number }
    }
  })
  const halve = Task.make("halve", {
    input: { number: Schema.Number },
    output: { half: Schema.Number },
    run: ({ number }, context) => {
      began(context)
      if (number % 2 === 1) throw new Error("odd")
      return { half: number / 2 }
    }
  })
  const isKept = Task.make("isKept", {
    input: { number: Schema.Number },
    output: { yes: Schema.Boolean },
    run: async ({ number }, context) => {
      began(context)
      await later(0)
      return { yes: number % 3 !== 0 }
    }
  })
  const add = Task.make("add", {
    input: { doubled: Schema.Number, total: Schema.Number },
    output: { total: Schema.Number },
    run: ({ doubled, total }, context) => {
      began(context)
      return { total: total + doubled }
    }
  })
  let squares = 0
  const square = Task.make("square", {
    version: "1",
    input: { total: Schema.Number },
    output: { squared: Schema.Number },
    limit: { max: MAX_SQUARES },
    memo: { ttlMillis: 3_600_000 },
    run: async ({ total }, context) => {
      began(context)
      tell("computed", total * total)
      if (++squares > MAX_SQUARES) tell("exceeded", squares)
      await later(3)
      squares--
      return { squared: total * total }
    }
  })
  const write = Task.make("write", {
    input: { squared: Schema.Number, size: Schema.Number },
    output: { text: Schema.String },
    run: ({ squared, size }, context) => {
      began(context)
      context.log("it is written")
      return { text: textOf(squared, size) }
    }
  })
  const wait = Task.make("wait", {
    output: { waited: Schema.Boolean },
    run: (_, context) => {
      began(context)
      return new Promise<{ waited: boolean }>((_, reject) =>
        context.signal.addEventListener("abort", () => reject(context.signal.reason))
      )
    }
  })
  const count = Task.make("count", {
    output: { counted: Schema.Boolean },
    run: (_, context) => {
      began(context)
      return { counted: true }
    }
  })
  return {
    squares: Pipeline.make(
      "squares",
      [
        list,
        Step.map(double, { over: { number: "numbers" }, outputs: { doubled: "doubles" }, concurrency: 4 }),
        Step.map(halve, { over: { number: "numbers" }, outputs: { half: "halves" }, onItemFailure: "skip" }),
        Step.filter(isKept, { over: { number: "numbers" }, output: "kept", concurrency: 4 }),
        Step.reduce(add, { over: { doubled: "doubles" }, initial: { total: 0 } }),
        square,
        write
      ],
      { limit: { runs: MAX_RUNS } }
    ),
    endless: Pipeline.make("endless", [wait], { timeoutMillis: ENDLESS_MILLIS }),
    ticks: Pipeline.make("ticks", [count])
  }
}

const numbersTo = (size: number): ReadonlyArray<number> => Array.from({ length: size }, (_, at) => at)

/** Longer than the values that stand in the text of an event. */
const textOf = (squared: number, size: number): string => `${squared} `.repeat(400 + 100 * size)

/** The outputs of a run of `squares`, as JSON. `lost`: the items of `halve` that lost their workers. */
export const outputsOf = (size: number, lost: ReadonlySet<number>): Readonly<Record<string, string>> => {
  const numbers = numbersTo(size)
  const doubles = numbers.map((number) => 2 * number)
  const total = doubles.reduce((sum, doubled) => sum + doubled, 0)
  const values = {
    numbers,
    doubles,
    halves: numbers.filter((number) => number % 2 === 0 && !lost.has(number)).map((number) => number / 2),
    kept: numbers.filter((number) => number % 3 !== 0),
    total,
    squared: total * total,
    text: textOf(total * total, size)
  }
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, JSON.stringify(value)]))
}

/** Starts runs for ever, ten at a time. */
export const load = async (
  levada: Levada,
  { squares, endless, ticks }: ReturnType<typeof pipelinesOf>,
  tell: Tell,
  seed: number
): Promise<never> => {
  const random = randomOf(seed)
  const upTo = (count: number): number => Math.floor(random() * count)
  for (const catchUp of ["all", "one"] as const) {
    const id = `ticks:${catchUp}`
    const { createdAtMillis } = await levada.addSchedule(
      Host.schedule(ticks, { id, timing: { everyMillis: 1_000 }, parameters: {}, catchUp, overlap: "queue" })
    )
    tell("schedule", id, createdAtMillis)
  }
  const follow = async (id: string): Promise<void> => {
    for await (const event of levada.watch(id)) {
      if (event.type !== "StepCompleted") continue
      tell("step", id, event.step, event.sequence)
      if (event.step === "square") tell("memoised", Number(event.outputs["squared"]))
    }
    tell("ended", id, (await levada.run(id)).status)
  }
  const begin = async (): Promise<void> => {
    const kind = upTo(10)
    if (kind === 0) {
      const id = await levada.start(endless, {})
      tell("started", id, "endless", 0)
      return follow(id)
    }
    const size = kind === 1 ? 30 : 1 + upTo(9)
    if (kind === 2) {
      // The same parameters each time the key is used.
      const key = upTo(KEYS)
      const id = await levada.start(squares, { size: 1 + (key % 9) }, { idempotencyKey: `key ${key}` })
      tell("started", id, "squares", 1 + (key % 9))
      tell("keyed", key, id)
      return follow(id)
    }
    const delayMillis = kind === 3 ? upTo(300) : 0
    const id = await levada.start(squares, { size }, { delayMillis, priority: upTo(3) })
    tell("started", id, "squares", size, delayMillis)
    if (kind === 4) {
      await later(upTo(20))
      tell("cancelling", id)
      await levada.cancel(id, "asked for")
      tell("cancelled", id)
    }
    if (kind === 5) {
      await later(upTo(20))
      tell("cancelling", id)
      await levada.cancelStep(id, "double", "asked for")
    }
    return follow(id)
  }
  const forEver = async (): Promise<never> => {
    for (;;) await begin()
  }
  return Promise.all(Array.from({ length: 10 }, forEver)) as Promise<never>
}
