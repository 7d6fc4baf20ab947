/** Pipelines that are large: values of 1 MB, more than a step may be given, a join of 1,000. */
import * as Schema from "effect/Schema"
import { Step } from "../../adapters/promise/index.ts"
import { build, type Case } from "./Case.ts"
import { hash } from "./Random.ts"
import { fields, mix, mixing, recorded } from "./Tasks.ts"
import { kept, LARGE_BYTES, textOf } from "./Texts.ts"

type Texts = Readonly<Record<string, string>>

const named = (prefix: string, count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, at) => `${prefix}${at}`)

/** The texts of these names, as they are kept. */
const keptTexts = (names: ReadonlyArray<string>, seed: number): Readonly<Record<string, unknown>> =>
  Object.fromEntries(names.map((name) => [name, kept(textOf(name, seed))]))

/** A task that gives large texts of these names. */
const packing = (name: string, gives: ReadonlyArray<string>) =>
  recorded(
    name,
    { seed: Schema.Number },
    fields(gives, Schema.String),
    ({ seed = 0 }) => Object.fromEntries(gives.map((key) => [key, textOf(key, seed)])),
    { millis: 50 }
  )

const BOXES = named("box", 6)
const CRATES = named("crate", 6)
/** Half as long: with the seed it fits into a request. */
const LABEL_BYTES = LARGE_BYTES / 2

const large: Case = {
  pipeline: build("large", [
    packing("pack", BOXES),
    recorded<Texts>(
      "recast",
      fields(BOXES, Schema.String),
      fields(CRATES, Schema.String),
      (boxes) => Object.fromEntries(CRATES.map((crate, at) => [crate, boxes[BOXES[at]!]!.slice(5) + crate])),
      { millis: 50 }
    ),
    recorded<Texts>(
      "weigh",
      fields(["label", ...CRATES], Schema.String),
      { weighd: Schema.Number },
      (texts) => ({ weighd: weightOf(texts) }),
      { millis: 50 }
    )
  ]),
  parameters: (seed) => ({ label: textOf("label", seed, LABEL_BYTES) }),
  values: (seed) => {
    const crates = Object.fromEntries(CRATES.map((crate, at) => [crate, textOf(BOXES[at]!, seed).slice(5) + crate]))
    return {
      ...keptTexts(BOXES, seed),
      ...Object.fromEntries(CRATES.map((crate) => [crate, kept(crates[crate])])),
      weighd: weightOf({ label: textOf("label", seed, LABEL_BYTES), ...crates })
    }
  },
  ends: "COMPLETED",
  weight: 1.5
}

const weightOf = (texts: Texts): number =>
  mix("weigh", ...["label", ...CRATES].map((name) => hash(texts[name] ?? "") % 10_000))

const STOWED = [0, 1, 2].map((hold) => named(`hold${hold}_`, 6))

/** 17 values of 1 MB are more than a step may be given, and 1.1 MB is more than a value may have. */
const overflow: Case = {
  pipeline: build(
    "overflow",
    [
      ...STOWED.map((names, hold) => packing(`stow${hold}`, names)),
      recorded("load", fields(STOWED.flat().slice(0, 17), Schema.String), { loadd: Schema.Number }, () => ({
        loadd: 0
      })),
      recorded(
        "spill",
        { seed: Schema.Number },
        { spilld: Schema.String },
        ({ seed = 0 }) => ({ spilld: textOf("spill", seed, 1_100_000) }),
        { millis: 20 }
      ),
      mixing("beside", ["seed"])
    ],
    { onFailure: "continue" }
  ),
  values: (seed) => ({ ...keptTexts(STOWED.flat(), seed), besided: mix("beside", seed) }),
  ends: "FAILED",
  errors: { load: "ValueTooLarge", spill: "ValueTooLarge" },
  weight: 0.4
}

const MEMBERS = named("member", 1_000)

const wide: Case = {
  pipeline: build("wide", [
    Step.group("crowd", MEMBERS.map((member) => mixing(member, ["seed"], { millis: 1 })) as never) as Step.Any,
    recorded<{ readonly crowd: ReadonlyArray<number> }>(
      "tally",
      { crowd: Schema.Array(Schema.Number) },
      { tallyd: Schema.Number },
      ({ crowd }) => ({ tallyd: mix("tally", ...crowd) }),
      { millis: 20 }
    )
  ]),
  values: (seed) => {
    const crowd = MEMBERS.map((member) => mix(member, seed))
    const each = Object.fromEntries(MEMBERS.map((member, at) => [`crowd.${at}.${member}d`, crowd[at]!]))
    return { ...each, crowd, tallyd: mix("tally", ...crowd) }
  },
  ends: "COMPLETED",
  weight: 0.8,
  unrecorded: ["crowd"]
}

/** All of them. */
export const HEAVY: ReadonlyArray<Case> = [large, overflow, wide]
