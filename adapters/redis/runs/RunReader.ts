/** Reads runs and events from Redis: small ones in one reply, large ones in slices. */

import type { Json } from "../../../core/json/Value.ts"
import * as Version from "../../../core/pipeline/Version.ts"
import type { Event } from "../../../core/run/Event.ts"
import { type Outline, outlineOf } from "../../../core/run/Outline.ts"
import * as Run from "../../../core/run/Run.ts"
import type { Change } from "../../../core/store/Feed.ts"
import type { Scripts } from "../connection/Scripts.ts"
import { KEY, PLAN, RUN, STATUS } from "../lua/Codes.ts"
import { type Blobs, bytesOfKept } from "./Blobs.ts"
import { FIRST, isStart, NO_VALUES, namesOf, namesOfRun, needs, sequences, type ValuesOfRun } from "./EventFields.ts"
import { ANSWER_BYTES, type Field, Fields, type Kept } from "./Fields.ts"
import * as PlanCode from "./PlanCode.ts"
import {
  type About,
  instantOf,
  namesAtStart,
  readEvent,
  readRun,
  readShape,
  requestIdOf,
  type Shape,
  type Steps
} from "./RunCode.ts"
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
  /** The properties that its runs have in common. */
  readonly shape: Shape
}

/** A change of one run, with the digest of its plan. */
export interface PlannedChange extends Change {
  readonly plan: string
}

/** How many events are read together to find `RunStarted`, when it is not the first event. */
const MAX_BEFORE_START = 64

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
      shape: readShape(shape!)
    }
    if (this.#plans.size >= MAX_PLANS) this.#plans.clear()
    this.#plans.set(digest, plan)
    return plan
  }

  /** A run; undefined when it does not exist, or is forgotten meanwhile. */
  async run(id: string): Promise<Run.Run | undefined> {
    return this.#runOf(id, await this.#looks.at(id))
  }

  /** A run with the sizes of its values; undefined when it does not exist, or is forgotten meanwhile. */
  async outline(id: string): Promise<Outline | undefined> {
    const looked = await this.#looks.at(id)
    if (looked === null) return undefined
    const [isWhole, fields] = looked
    const { header, submittedAt, own, texts, values } = isWhole === 1 ? wholeOf(fields) : partOf(fields)
    const plan = await this.planOf(digestOf(header))
    if (plan === undefined) return undefined
    if (isWhole === 0) for (const text of await this.#fields.read(sequences(id, 0, eventsOf(header)))) texts.push(text)
    if (texts.includes(undefined)) return undefined
    const about = this.#about(plan, id, own)
    const events = texts.map((text, at) => readEvent(text!, at + 1, about, values))
    const run = Run.fold(readRun(id, plan.shape, own, submittedAt, plan.steps, values), events)
    if (isWhole === 1) return outlineOf(run, events, (name) => bytesOfKept(values[name]!))
    const names = [...new Set([...namesAtStart(plan.shape), ...texts.flatMap((text) => namesOf(text!))])]
    const sizes = await this.#fields.sizes(names.map((name) => [id, name]))
    if (sizes.includes(undefined)) return undefined
    const byName = new Map(names.map((name, at) => [name, sizes[at]!]))
    return outlineOf(run, events, (name) => byName.get(name)!)
  }

  /** A value of a run: null when the run does not exist, undefined when it has no such value. */
  async value(id: string, name: string): Promise<Json | undefined | null> {
    const { client, prefix } = this.#scripts
    const [header, kept] = await client.hmget(`${prefix}${KEY.run}${id}`, RUN.header, `${RUN.value}${name}`)
    if (header === null) return null
    return kept == null ? undefined : this.#blobs.load(kept)
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
    const ofRuns = isBare ? texts.map(() => NO_VALUES) : await this.#valuesOfRuns(changes, plans, texts)
    const needed = texts.map((some, at) => {
      const { runId } = changes[at]!
      const ofRun = ofRuns[at]!
      return some.flatMap((text) => needs(runId, text, isBare, ofRun))
    })
    const kept = await this.#sliced(needed, (wanted, least) => this.#values(wanted, least))
    return Promise.all(
      kept.map(async (found, at) => {
        const { runId, from, to } = changes[at]!
        const plan = plans[at]
        if (plan === undefined || texts[at]!.includes(undefined)) return undefined
        let own: Json | undefined
        let first: string | undefined
        const values: Record<string, Json> = Object.create(null)
        for (const [place, [, name]] of needed[at]!.entries()) {
          if (name === RUN.own) own = found[place]
          else if (found[place] === undefined) return undefined
          else if (name === FIRST) first = found[place]
          else values[name.slice(1)] = found[place]
        }
        const { parameters, results } = ofRuns[at]!
        const about = {
          ...this.#about(plan, runId, own),
          hasParameters: parameters !== undefined,
          hasResult: results !== undefined,
          startedAtMillis: first === undefined ? undefined : await this.#startOf(runId, first, to)
        }
        return texts[at]!.map((text, place) => readEvent(text!, from + place + 1, about, values))
      })
    )
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
      else if (plan !== undefined) instants.push(millisOf(heads[2 * at + 1]) + plan.shape.delayMillis)
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
    const run = readRun(id, plan.shape, own, submittedAt, plan.steps, UNREAD)
    const about = this.#about(plan, id, own)
    return Run.summary(
      Run.fold(
        run,
        texts.map((text, at) => readEvent(text!, at + 1, about, UNREAD))
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

  /** The values of their runs that the events of each change have: see `ValuesOfRun`. */
  async #valuesOfRuns(
    changes: ReadonlyArray<PlannedChange>,
    plans: ReadonlyArray<StoredPlan | undefined>,
    texts: ReadonlyArray<ReadonlyArray<Kept>>
  ): Promise<ReadonlyArray<ValuesOfRun>> {
    const names = texts.map((some, at) => namesOfRun(plans[at]?.shape, some))
    const wanted = names.flatMap(({ parameters = [], results = [] }, at) =>
      [...parameters, ...results].map((name) => [changes[at]!.runId, name] as const)
    )
    const sizes = wanted.length === 0 ? [] : await this.#fields.sizes(wanted)
    let place = 0
    /** The names of the values that exist, when these are not too long together. */
    const fitting = (some: ReadonlyArray<string> | undefined): ReadonlyArray<string> | undefined => {
      let bytes = 0
      const present = some?.filter(() => {
        const size = sizes[place++]
        bytes += size ?? 0
        return size !== undefined
      })
      return bytes <= this.#maxValueBytes ? present : undefined
    }
    return names.map(({ parameters, results }) => ({ parameters: fitting(parameters), results: fitting(results) }))
  }

  /**
   * When a run began that has completed with its event `last`. `first` is the text of its first event: others come before
   * `RunStarted` only if steps were cancelled.
   */
  async #startOf(runId: string, first: string, last: number): Promise<number | undefined> {
    let some: ReadonlyArray<Kept> = [first]
    for (let read = 1; some.length > 0; read += some.length) {
      const start = some.find(isStart)
      if (start !== undefined) return instantOf(start)
      some = await this.#fields.read(sequences(runId, read, Math.min(read + MAX_BEFORE_START, last)))
    }
    return undefined
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

/** Stands for the values of a run that are not read. */
const UNREAD: Readonly<Record<string, Json>> = Object.create(null)

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

// Parts of the header of a run: see RUN in Codes.ts.

export const isOver = (header: string | null): boolean =>
  header === null || (header[0] !== STATUS.pending && header[0] !== STATUS.running)

export const digestOf = (header: string): string => header.slice(header.lastIndexOf("|") + 1)

export const eventsOf = (header: string): number => Number(header.split("|", 3)[2])
