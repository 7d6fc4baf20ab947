/** Runs and events as they are read from Redis: in one answer where they are small, and else in slices. */

import type { Json } from "../../../core/json/Value.ts"
import * as Version from "../../../core/pipeline/Version.ts"
import type { Event } from "../../../core/run/Event.ts"
import * as Run from "../../../core/run/Run.ts"
import type { Change } from "../../../core/store/Feed.ts"
import type { Scripts } from "../connection/Scripts.ts"
import type { Blobs } from "./Blobs.ts"
import { ANSWER_BYTES, type Field, Fields, type Kept } from "./Fields.ts"
import * as PlanCode from "./PlanCode.ts"
import { type About, delayOf, instantOf, namesAtStart, readEvent, readRun, requestIdOf, type Steps } from "./RunCode.ts"
import { millisOf } from "./RunIndexes.ts"
import { type Looked, MAX_RUNS, RunLooks } from "./RunLooks.ts"

/** How many plans' steps are remembered. */
const MAX_PLANS = 1_000

/** What is known of a plan. */
export interface Known {
  readonly steps: Steps
  readonly pipelineId: string
  /** What is known of its runs from the start. */
  readonly shape: string
}

/** Events of one run, with the digest of its plan. */
export interface PlannedChange extends Change {
  readonly plan: string
}

type Events = ReadonlyArray<Event>

/** Reads the runs of one Store. */
export class RunReader {
  readonly #scripts: Scripts
  readonly #fields: Fields
  readonly #looks: RunLooks
  readonly #blobs: Blobs
  readonly #maxValueBytes: number
  readonly #plans: Map<string, Known> = new Map()

  constructor(scripts: Scripts, maxValueBytes: number, blobs: Blobs) {
    this.#scripts = scripts
    this.#fields = new Fields(scripts)
    this.#looks = new RunLooks(scripts)
    this.#maxValueBytes = maxValueBytes
    this.#blobs = blobs
  }

  /** What is known of a plan; nothing when it has no run any more. */
  async planOf(digest: string): Promise<Known | undefined> {
    const known = this.#plans.get(digest)
    if (known !== undefined) return known
    const { client, prefix } = this.#scripts
    const [steps, version, shape] = await client.hmget(`${prefix}p:${digest}`, "m", "q", "j")
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

  /** A run as it is now; nothing when it is not there, or is forgotten while it is read. */
  async run(id: string): Promise<Run.Run | undefined> {
    return this.#runOf(id, await this.#looks.at(id))
  }

  /** Runs in this order, without those that are not there; no more of them than one answer has room for at once. */
  async runs(ids: ReadonlyArray<string>): Promise<ReadonlyArray<Run.Run>> {
    const runs: Array<Run.Run> = []
    for (let from = 0; from < ids.length; from += MAX_RUNS) {
      const some = ids.slice(from, from + MAX_RUNS)
      const looked = await Promise.all(some.map((id) => this.#looks.at(id)))
      for (const [at, each] of looked.entries()) {
        const run = await this.#runOf(some[at]!, each)
        if (run !== undefined) runs.push(run)
      }
    }
    return runs
  }

  /**
   * The events of changes, in this order: of each change all, or nothing when they are forgotten. Of as many changes as
   * have room in an answer, and of the first one at least. Bare ones lack their outputs.
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
        if (name === OWN) own = found[place]
        else if (found[place] === undefined) return undefined
        else values[name.slice(1)] = found[place]
      }
      const about = this.#about(plan, runId, own)
      return texts[at]!.map((text, place) => readEvent(text!, from + place + 1, about, values))
    })
  }

  /** When runs last changed, or may have begun, in milliseconds since 1970; without those that are not there. */
  async changedAt(ids: ReadonlyArray<string>): Promise<ReadonlyArray<number>> {
    const heads = await this.#fields.read(
      ids.flatMap(
        (id): ReadonlyArray<Field> => [
          [id, "h"],
          [id, "m"]
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
      for (const name in values) values[name] = await this.#blobs.back(values[name]!)
    }
    const run = readRun(id, plan.shape, own, submittedAt, plan.steps, values)
    const about = this.#about(plan, id, own)
    return Run.fold(
      run,
      texts.map((text, at) => readEvent(text!, at + 1, about, values))
    )
  }

  /** The values that a run began with, and those that its events are about; nothing when it was forgotten meanwhile. */
  async #valuesOf(
    runId: string,
    first: ReadonlyArray<string>,
    texts: ReadonlyArray<Kept>
  ): Promise<Record<string, Json> | undefined> {
    if (texts.includes(undefined)) return undefined
    const names = [...new Set([...first, ...texts.flatMap((text) => namesOf(text!))])]
    const kept = await this.#values(names.map((name) => [runId, `v${name}`]))
    const values: Record<string, Json> = Object.create(null)
    for (const [at, name] of names.entries()) {
      if (kept[at] === undefined) return undefined
      values[name] = kept[at]
    }
    return values
  }

  #about(plan: Known, runId: string, own: Json | undefined): About {
    return { ...plan, runId, requestId: requestIdOf(own), maxValueBytes: this.#maxValueBytes }
  }

  /** Values, with those that are kept elsewhere back in their places. As `Fields.read`. */
  async #values(wanted: ReadonlyArray<Field>, least: number = wanted.length): Promise<ReadonlyArray<Kept>> {
    const kept = await this.#fields.read(wanted, least)
    if (!this.#blobs.isUsed) return kept
    const values: Array<Kept> = []
    let length = 0
    for (const text of kept) {
      if (values.length >= least && length > ANSWER_BYTES) break
      const value = text === undefined ? undefined : await this.#blobs.back(text)
      values.push(value)
      length += value?.length ?? 0
    }
    return values
  }

  /** Reads lists of fields: all of as many lists as come along, and of the first one at least. */
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

/** The field that says what is known of a run alone. */
const OWN = "j"

/** What was read of a run. */
interface Parts {
  readonly header: string
  readonly submittedAt: number
  readonly own: Json | undefined
  /** Its events, in their order. */
  readonly texts: Array<Kept>
  readonly values: Record<string, Json>
}

/** All of it, from all of its fields. */
const wholeOf = (fields: ReadonlyArray<string | null>): Parts => {
  let header = ""
  let submittedAt = 0
  let own: Json | undefined
  const texts: Array<Kept> = []
  const values: Record<string, Json> = Object.create(null)
  for (let at = 0; at < fields.length; at += 2) {
    const field = fields[at]!
    const text = fields[at + 1]!
    if (field[0] === "v") values[field.slice(1)] = text
    else if (field[0]! >= "1" && field[0]! <= "9") texts[Number(field) - 1] = text
    else if (field === "h") header = text
    else if (field === "m") submittedAt = millisOf(text)
    else if (field === OWN) own = text
  }
  return { header, submittedAt, own, texts, values }
}

/** Without its events and values. */
const partOf = ([header, submittedAt, own]: ReadonlyArray<string | null>): Parts => ({
  header: header!,
  submittedAt: millisOf(submittedAt),
  own: own ?? undefined,
  texts: [],
  values: Object.create(null)
})

const sequences = (runId: string, from: number, to: number): ReadonlyArray<Field> =>
  Array.from({ length: to - from }, (_, at) => [runId, String(from + at + 1)])

/** What an event is about, besides its own text. */
const needs = (runId: string, text: Kept, isBare: boolean): ReadonlyArray<Field> => {
  if (text === undefined) return []
  if (text.startsWith('["RS"')) return [[runId, OWN]]
  return isBare ? [] : namesOf(text).map((name) => [runId, `v${name}`])
}

/** The names of the values that an event is about. */
const namesOf = (text: string): ReadonlyArray<string> =>
  text.startsWith('["SC"') ? (JSON.parse(text) as [string, number, number, number, number, Array<string>])[5] : []

// What a run's header says; LuaBase.ts has the whole of it.

export const isOver = (header: string | null): boolean => header === null || !/^[PR]/.test(header)

export const digestOf = (header: string): string => header.slice(header.lastIndexOf("|") + 1)

export const eventsOf = (header: string): number => Number(header.split("|", 3)[2])
