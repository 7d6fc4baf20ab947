/** Light pipelines: one for each way in which steps depend on each other, fail, wait and are limited. */
import { Step } from "../../adapters/promise/index.ts"
import { build, type Case } from "./Case.ts"
import { listing, mix, mixing, task } from "./Tasks.ts"

const chain: Case = {
  pipeline: build(
    "chain",
    ["a", "b", "c", "d", "e"].map((name, at, all) => mixing(name, [at === 0 ? "seed" : `${all[at - 1]}d`]))
  ),
  values: (seed) => {
    const values: Record<string, number> = {}
    let value = seed
    for (const name of ["a", "b", "c", "d", "e"]) {
      value = mix(name, value)
      values[`${name}d`] = value
    }
    return values
  },
  ends: "COMPLETED"
}

const diamond: Case = {
  pipeline: build("diamond", [
    mixing("top", ["seed"]),
    mixing("left", ["topd"]),
    mixing("right", ["topd"]),
    mixing("bottom", ["leftd", "rightd"])
  ]),
  values: (seed) => {
    const topd = mix("top", seed)
    const leftd = mix("left", topd)
    const rightd = mix("right", topd)
    return { topd, leftd, rightd, bottomd: mix("bottom", leftd, rightd) }
  },
  ends: "COMPLETED"
}

const LEGS = Array.from({ length: 16 }, (_, at) => `leg${at}`)

const fan: Case = {
  pipeline: build("fan", [
    mixing("spread", ["seed"]),
    ...LEGS.map((leg) => mixing(leg, ["spreadd"])),
    mixing(
      "join",
      LEGS.map((leg) => `${leg}d`)
    )
  ]),
  values: (seed) => {
    const spreadd = mix("spread", seed)
    const legs = LEGS.map((leg) => mix(leg, spreadd))
    const named = Object.fromEntries(LEGS.map((leg, at) => [`${leg}d`, legs[at]!]))
    return { spreadd, ...named, joind: mix("join", ...legs) }
  },
  ends: "COMPLETED"
}

const listOf = (seed: number): ReadonlyArray<number> => Array.from({ length: 5 + (seed % 10) }, (_, at) => seed + at)

const summing = task("sum", ["number", "total"], "total", ({ number = 0, total = 0 }) => mix("sum", number, total))

const items: Case = {
  pipeline: build("items", [
    listing("list", ["seed"], "numbers", ({ seed = 0 }) => listOf(seed)),
    Step.map(mixing("each", ["number"]), { over: { number: "numbers" }, outputs: { eachd: "eachds" }, concurrency: 4 }),
    Step.reduce(summing as never, { over: { number: "eachds" }, initial: { total: 0 } } as never) as Step.Any
  ]),
  values: (seed) => {
    const numbers = listOf(seed)
    const eachds = numbers.map((number) => mix("each", number))
    return { numbers, eachds, total: eachds.reduce((total, number) => mix("sum", number, total), 0) }
  },
  ends: "COMPLETED"
}

/** Waits are short, so that many attempts fit in. */
const retry = { times: 4, delayMillis: 60, factor: 1.5 }

const flaky: Case = {
  pipeline: build("flaky", [
    mixing("twice", ["seed"], { retry, failing: () => 2 }),
    listing("split", ["twiced"], "parts", ({ twiced = 0 }) => [twiced, twiced + 1, twiced + 2, twiced + 3]),
    Step.map(mixing("often", ["part"], { retry, failing: ({ part = 0 }) => part % 4 }), {
      over: { part: "parts" },
      outputs: { oftend: "oftends" }
    })
  ]),
  values: (seed) => {
    const twiced = mix("twice", seed)
    const parts = [twiced, twiced + 1, twiced + 2, twiced + 3]
    return { twiced, parts, oftends: parts.map((part) => mix("often", part)) }
  },
  ends: "COMPLETED"
}

const press = { limit: { key: "press", max: 2 } }

/** One limit over two tasks and over the items of a third, and one whose key is found by looking at the inputs. */
const limited: Case = {
  pipeline: build("limited", [
    mixing("press", ["seed"], press),
    mixing("fold", ["pressd"], press),
    listing("sheets", ["foldd"], "sheet_list", ({ foldd = 0 }) => [foldd, foldd + 1, foldd + 2]),
    Step.map(mixing("print", ["sheet"], { ...press, millis: 30 }), {
      over: { sheet: "sheet_list" },
      outputs: { printd: "prints" }
    }),
    mixing("bind", ["foldd"], { limit: { key: ({ foldd = 0 }) => `booth${foldd % 3}`, max: 1 }, millis: 60 })
  ]),
  values: (seed) => {
    const pressd = mix("press", seed)
    const foldd = mix("fold", pressd)
    const sheet_list = [foldd, foldd + 1, foldd + 2]
    return {
      pressd,
      foldd,
      sheet_list,
      prints: sheet_list.map((sheet) => mix("print", sheet)),
      bindd: mix("bind", foldd)
    }
  },
  ends: "COMPLETED"
}

const inNarrow = { held: [{ key: "steps of narrow", max: 3 }] }

const narrow: Case = {
  pipeline: build(
    "narrow",
    [
      mixing("enter", ["seed"], inNarrow),
      mixing("port", ["enterd"], inNarrow),
      mixing("starboard", ["enterd"], inNarrow),
      mixing("leave", ["portd", "starboardd"], inNarrow)
    ],
    { limit: { runs: 2, steps: 3 } }
  ),
  values: (seed) => {
    const enterd = mix("enter", seed)
    const portd = mix("port", enterd)
    const starboardd = mix("starboard", enterd)
    return { enterd, portd, starboardd, leaved: mix("leave", portd, starboardd) }
  },
  ends: "COMPLETED",
  maxRuns: 2
}

/** Runs whose seeds have the same rest share what is known, and also the items of one run do. */
const memoised: Case = {
  pipeline: build("memoised", [
    task("rest", ["seed"], "rest", ({ seed = 0 }) => seed % 23),
    mixing("known", ["rest"], { memo: { ttlMillis: 0 } }),
    listing("cells", ["seed"], "cell_list", ({ seed = 0 }) => [seed % 7, seed % 11, seed % 7]),
    Step.map(mixing("cell", ["value"], { memo: { ttlMillis: 0 } }), {
      over: { value: "cell_list" },
      outputs: { celld: "cellds" }
    })
  ]),
  values: (seed) => {
    const rest = seed % 23
    const cell_list = [seed % 7, seed % 11, seed % 7]
    return { rest, knownd: mix("known", rest), cell_list, cellds: cell_list.map((value) => mix("cell", value)) }
  },
  ends: "COMPLETED"
}

const limping: Case = {
  pipeline: build(
    "limping",
    [
      mixing("sound", ["seed"]),
      mixing("breaks", ["seed"], { failing: () => Number.POSITIVE_INFINITY }),
      mixing("needs", ["breaksd", "soundd"]),
      mixing("goes_on", ["soundd"])
    ],
    { onFailure: "continue" }
  ),
  values: (seed) => {
    const soundd = mix("sound", seed)
    return { soundd, goes_ond: mix("goes_on", soundd) }
  },
  ends: "FAILED",
  errors: { breaks: "TaskFailed" }
}

/** All of them. */
export const LIGHT: ReadonlyArray<Case> = [chain, diamond, fan, items, flaky, limited, narrow, memoised, limping]
