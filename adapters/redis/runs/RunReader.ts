/** Reads runs and events from Redis: small ones in one reply, large ones in slices. */

import type { Json } from "../../../core/json/Value.ts"
import * as Version from "../../../core/pipeline/Version.ts"
import type { Event } from "../../../core/run/Event.ts"
import * as Run from "../../../core/run/Run.ts"
import type { Change } from "../../../core/store/Feed.ts"
import type { Scripts } from "../connection/Scripts.ts"
import { EVENT, KEY, PLAN, RUN, STATUS } from "../lua/Codes.ts"
import type { Blobs } from "./Blobs.ts"
import { ANSWER_BYTES, type Field, Fields, type Kept } from "./Fields.ts"
import * as PlanCode from "./PlanCode.ts"
import { type About, delayOf, instantOf, namesAtStart, readEvent, readRun, requestIdOf, type Steps } from "./RunCode.ts"
import { millisOf } from "./RunIndexes.ts"
import { type Looked, RunLooks } from "./RunLooks.ts"

/** How many plans are cached. */
const MAX_PLANS = 1_000

/** How many runs without values are read at the same time. */
const MAX_SUMMARIES = 200

/** A plan, as far as reading its runs needs it. */
export interface StoredPlan {
  readonly steps: Steps
  readonly pipelineId: string
  /** The shape of its runs: see `writeShape`. */
  readonly shape: string
}

/** A change of one run, with the digest of its plan. */
export interface PlannedChange extends Change {
  readonly plan: string
}

type Events = ReadonlyArray<Event>

/** Reads the runs of one Store. */
export class RunReader {
  readonly #scripts: Scripts
  readonly #fields: Fields
  readonly #looks: RunLooks
  readonly #bareLooks: RunLooks
  readonly #blobs: Blobs
  readonly #maxValueBytes: number
  readonly #plans: Map<string, StoredPlan> = new Map()

  constructor(scripts: Scripts, maxValueBytes: number, blobs: Blobs) {
    this.#scripts = scripts
    this.#fields = new Fields(scripts)
    this.#looks = new RunLooks(scripts, false)
    this.#bareLooks = new RunLooks(scripts, true)
    this.#maxValueBytes = maxValueBytes
    this.#blobs = blobs
  }

  /** A plan; undefined when it has no runs any more. */
  async planOf(digest: string): Promise<StoredPlan | undefined> {
    const known = this.#plans.get(digest)
    if (known !== undefined) return known
    const { client, prefix } = this.#scripts
    const [steps, version, shape] = await client.hmget(
      `${prefix}${KEY.plan}${digest}`,
      PLAN.steps,
      PLAN.version,
      PLAN.shape
    )
    if (steps == null) return undefined
    const plan = {
      steps: PlanCode.read(steps),
      pipelineId: Version.parts(version!).pipelineId,
      shape: shape!
    }
    if (this.#plans.size >= MAX_PLANS) this.#plans.clear()
    this.#plans.set(digest, plan)
    return plan
  }

  /** A run; undefined when it does not exist, or is forgotten meanwhile. */
  async run(id: string): Promise<Run.Run | undefined> {
    return this.#runOf(id, await this.#looks.at(id))
  }

  /** Runs without their values, in this order; undefined for missing ones. */
  async summaries(ids: ReadonlyArray<string>): Promise<ReadonlyArray<Run.Summary | undefined>> {
    const runs: Array<Run.Summary | undefined> = []
    for (let from = 0; from < ids.length; from += MAX_SUMMARIES) {
      const some = ids.slice(from, from + MAX_SUMMARIES)
      const looked = await Promise.all(some.map((id) => this.#bareLooks.at(id)))
      for (const [at, each] of looked.entries()) runs.push(await this.#summaryOf(some[at]!, each))
    }
    return runs
  }

  /**
   * The events of the first change, and of as many more changes as one reply has room for, in this order. undefined for a
   * change whose run is forgotten. With `isBare`, events lack their outputs.
   */
  async events(changes: ReadonlyArray<PlannedChange>, isBare = false): Promise<ReadonlyArray<Events | undefined>> {
    const plans = await Promise.all(changes.map(({ plan }) => this.planOf(plan)))
    const texts = await this.#sliced(
      changes.map(({ runId, from, to }, at) => (plans[at] === undefined ? [] : sequences(runId, from, to))),
      (wanted, least) => this.#fields.read(wanted, least)
    )
    const needed = texts.map((some, at) => some.flatMap((text) => needs(changes[at]!.runId, text, isBare)))
    const kept = await this.#sliced(needed, (wanted, least) => this.#values(wanted, least))
    return kept.map((found, at) => {
      const { runId, from } = changes[at]!
      const plan = plans[at]
      if (plan === undefined || texts[at]!.includes(undefined)) return undefined
      let own: Json | undefined
      const values: Record<string, Json> = Object.create(null)
      for (const [place, [, name]] of needed[at]!.entries()) {
        if (name === RUN.own) own = found[place]
        else if (found[place] === undefined) return undefined
        else values[name.slice(1)] = found[place]
      }
      const about = this.#about(plan, runId, own)
      return texts[at]!.map((text, place) => readEvent(text!, from + place + 1, about, values))
    })
  }

  /** When runs last changed, or else when they could begin, in milliseconds since 1970; without missing runs. Not in order. */
  async changedAt(ids: ReadonlyArray<string>): Promise<ReadonlyArray<number>> {
    const heads = await this.#fields.read(
      ids.flatMap(
        (id): ReadonlyArray<Field> => [
          [id, RUN.header],
          [id, RUN.submitted]
        ]
      )
    )
    const begun: Array<Field> = []
    const instants: Array<number> = []
    for (const [at, id] of ids.entries()) {
      const header = heads[2 * at]
      if (header === undefined) continue
      const events = eventsOf(header)
      const plan = events > 0 ? undefined : await this.planOf(digestOf(header))
      if (events > 0) begun.push([id, String(events)])
      else if (plan !== undefined) instants.push(millisOf(heads[2 * at + 1]) + delayOf(plan.shape))
    }
    const lasts = await this.#fields.read(begun)
    return [...instants, ...lasts.flatMap((text) => (text === undefined ? [] : [instantOf(text)]))]
  }

  // -- inside --------------------------------------------------------------------------------------------------------

  async #runOf(id: string, looked: Looked): Promise<Run.Run | undefined> {
    if (looked === null) return undefined
    const [isWhole, fields] = looked
    const { header, submittedAt, own, texts, values } = isWhole === 1 ? wholeOf(fields) : partOf(fields)
    const plan = await this.planOf(digestOf(header))
    if (plan === undefined) return undefined
    if (isWhole === 0) {
      for (const text of await this.#fields.read(sequences(id, 0, eventsOf(header)))) texts.push(text)
      const all = await this.#valuesOf(id, namesAtStart(plan.shape), texts)
      if (all === undefined) return undefined
      Object.assign(values, all)
    } else if (this.#blobs.isUsed) {
      for (const name in values) values[name] = await this.#blobs.load(values[name]!)
    }
    const run = readRun(id, plan.shape, own, submittedAt, plan.steps, values)
    const about = this.#about(plan, id, own)
    return Run.fold(
      run,
      texts.map((text, at) => readEvent(text!, at + 1, about, values))
    )
  }

  async #summaryOf(id: string, looked: Looked): Promise<Run.Summary | undefined> {
    if (looked === null) return undefined
    const { header, submittedAt, own, texts } = partOf(looked[1])
    const plan = await this.planOf(digestOf(header))
    if (plan === undefined) return undefined
    const events = eventsOf(header)
    if (texts.length < events) texts.push(...(await this.#fields.read(sequences(id, 0, events))))
    if (texts.includes(undefined)) return undefined
    const run = readRun(id, plan.shape, own, submittedAt, plan.steps, NO_VALUES)
    const about = this.#about(plan, id, own)
    return Run.summary(
      Run.fold(
        run,
        texts.map((text, at) => readEvent(text!, at + 1, about, NO_VALUES))
      )
    )
  }

  /** The initial values of a run, and the outputs in its events; undefined when the run is forgotten meanwhile. */
  async #valuesOf(
    runId: string,
    first: ReadonlyArray<string>,
    texts: ReadonlyArray<Kept>
  ): Promise<Record<string, Json> | undefined> {
    if (texts.includes(undefined)) return undefined
    const names = [...new Set([...first, ...texts.flatMap((text) => namesOf(text!))])]
    const kept = await this.#values(names.map((name) => [runId, `${RUN.value}${name}`]))
    const values: Record<string, Json> = Object.create(null)
    for (const [at, name] of names.entries()) {
      if (kept[at] === undefined) return undefined
      values[name] = kept[at]
    }
    return values
  }

  #about(plan: StoredPlan, runId: string, own: Json | undefined): About {
    return { ...plan, runId, requestId: requestIdOf(own), maxValueBytes: this.#maxValueBytes }
  }

  /** Like `Fields.read`, and loads values from the blob store. */
  async #values(wanted: ReadonlyArray<Field>, least: number = wanted.length): Promise<ReadonlyArray<Kept>> {
    const kept = await this.#fields.read(wanted, least)
    if (!this.#blobs.isUsed) return kept
    const values: Array<Kept> = []
    let length = 0
    for (const text of kept) {
      if (values.length >= least && length > ANSWER_BYTES) break
      const value = text === undefined ? undefined : await this.#blobs.load(text)
      values.push(value)
      length += value?.length ?? 0
    }
    return values
  }

  /** Reads the first list of fields, and as many whole lists after it as one reply has room for. */
  async #sliced(
    lists: ReadonlyArray<ReadonlyArray<Field>>,
    read: (wanted: ReadonlyArray<Field>, least: number) => Promise<ReadonlyArray<Kept>>
  ): Promise<ReadonlyArray<ReadonlyArray<Kept>>> {
    const wanted = lists.flat()
    const found = wanted.length === 0 ? wanted : await read(wanted, Math.max(1, lists[0]!.length))
    const whole: Array<ReadonlyArray<Kept>> = []
    let from = 0
    for (const { length } of lists) {
      if (from + length > found.length) break
      whole.push(found.slice(from, from + length) as ReadonlyArray<Kept>)
      from += length
    }
    return whole
  }
}

/** The decoded hash of a run. */
interface Parts {
  readonly header: string
  readonly submittedAt: number
  readonly own: Json | undefined
  /** Its events, in their order. */
  readonly texts: Array<Kept>
  readonly values: Record<string, Json>
}

/** Of a small run, from all of its fields. */
const wholeOf = (fields: ReadonlyArray<string | null>): Parts => {
  let header = ""
  let submittedAt = 0
  let own: Json | undefined
  const texts: Array<Kept> = []
  const values: Record<string, Json> = Object.create(null)
  for (let at = 0; at < fields.length; at += 2) {
    const field = fields[at]!
    const text = fields[at + 1]!
    if (field[0] === RUN.value) values[field.slice(1)] = text
    else if (field[0]! >= "1" && field[0]! <= "9") texts[Number(field) - 1] = text
    else if (field === RUN.header) header = text
    else if (field === RUN.submitted) submittedAt = millisOf(text)
    else if (field === RUN.own) own = text
  }
  return { header, submittedAt, own, texts, values }
}

/** Of a large run, without events and values; or of a run without values, with its events unless they are too many. */
const partOf = ([header, submittedAt, own, ...texts]: ReadonlyArray<string | null>): Parts => ({
  header: header!,
  submittedAt: millisOf(submittedAt),
  own: own ?? undefined,
  texts: texts.map((text) => text ?? undefined),
  values: Object.create(null)
})

const NO_VALUES: Readonly<Record<string, Json>> = Object.create(null)

const sequences = (runId: string, from: number, to: number): ReadonlyArray<Field> =>
  Array.from({ length: to - from }, (_, at) => [runId, String(from + at + 1)])

/** The fields that decoding an event needs. */
const needs = (runId: string, text: Kept, isBare: boolean): ReadonlyArray<Field> => {
  if (text === undefined) return []
  if (text.startsWith(`["${EVENT.runStarted}"`)) return [[runId, RUN.own]]
  return isBare ? [] : namesOf(text).map((name) => [runId, `${RUN.value}${name}`])
}

/** The names of the outputs in an event. */
const namesOf = (text: string): ReadonlyArray<string> =>
  text.startsWith(`["${EVENT.stepCompleted}"`)
    ? (JSON.parse(text) as [string, number, number, number, number, Array<string>])[5]
    : []

// Parts of the header of a run: see RUN in Codes.ts.

export const isOver = (header: string | null): boolean =>
  header === null || (header[0] !== STATUS.pending && header[0] !== STATUS.running)

export const digestOf = (header: string): string => header.slice(header.lastIndexOf("|") + 1)

export const eventsOf = (header: string): number => Number(header.split("|", 3)[2])
