/** The log of a run in memory: its events, their watchers, and the log lines of its tasks. */
import type * as Cause from "effect/Cause"
import { done } from "effect/Cause"
import * as Effect from "effect/Effect"
import type { Plan } from "../../pipeline/Plan.ts"
import { type Event, type HowCompleted, isTerminal } from "../../run/Event.ts"
import { type Outline, outlineOf } from "../../run/Outline.ts"
import * as Run from "../../run/Run.ts"
import type { Note } from "../../store/Work.ts"
import { type Line, type Lines, MAX_LINES } from "../../task/Log.ts"
import * as Bytes from "../../values/Bytes.ts"
import type { ErrorInfo } from "../../values/ErrorInfo.ts"
import { isPart } from "../journal/RunText.ts"
import type { RunValues } from "./RunValues.ts"
import type { Unsaved } from "./Unsaved.ts"

/** From this many events on, the folded state is kept. */
const LONG_LOG = 1_000

/** How many bytes an event counts for, and a step of a plan that no other run shares. */
const EVENT_BYTES = 100
const STEP_BYTES = 100

type RunFields = Pick<Event, "runId" | "pipelineId" | "sequence" | "atMillis">
type StepFields = RunFields & Pick<Extract<Event, { readonly step: string }>, "step" | "index" | "attempt">

/** The events in order, and the state that they fold to. */
export class RunLog {
  readonly submission: Run.Submission
  readonly plan: Plan
  readonly events: Array<Event> = []
  /** Called once, after the log has grown. */
  listeners: Set<() => void> | undefined = undefined
  /** How many of its events are in the feed. */
  published = 0
  /** How many lines were dropped. */
  linesDropped = 0
  /** What the journal does not have yet; undefined without a journal. */
  unsaved: Unsaved | undefined = undefined
  #lines: Array<Line> | undefined = undefined
  #linesBytes = 0
  #errorsBytes = 0
  readonly #ownBytes: number
  /** The last percentage with an event, by step. */
  #percents: Map<number, number> | undefined = undefined
  #snapshot: Run.Run | undefined = undefined
  #startedAtMillis = 0

  constructor(submission: Run.Submission, plan: Plan) {
    this.submission = submission
    this.plan = plan
    // A partial run has its own plan; other runs share the plan of their pipeline.
    this.#ownBytes = isPart(submission) ? STEP_BYTES * plan.steps.length : 0
  }

  /** Bytes of its lines and errors; events and its own plan are estimated. */
  get bytes(): number {
    return this.#ownBytes + this.#linesBytes + this.#errorsBytes + EVENT_BYTES * this.events.length
  }

  /** The fold of the log. Of a long log it is kept, so that the next read folds only the new events. */
  get state(): Run.Run {
    const { events } = this
    if (events.length < LONG_LOG) return Run.fold(Run.pending(this.submission, this.plan.steps), events)
    const folded = this.#snapshot ?? Run.pending(this.submission, this.plan.steps)
    if (folded.sequence < events.length) this.#snapshot = Run.fold(folded, events.slice(folded.sequence))
    return this.#snapshot ?? folded
  }

  /** The state, with the sizes of the run's values in place of the values. */
  outline(values: RunValues): Outline {
    return outlineOf(this.state, this.events, (name) => values.bytesOfValue(name))
  }

  /**
   * Reads the published events after sequence `after`, then new ones, up to the terminal one. A slow reader is only a
   * position.
   */
  pull(after: number): Effect.Effect<readonly [Event, ...Array<Event>], Cause.Done> {
    const { events } = this
    let position = after
    const pull: Effect.Effect<readonly [Event, ...Array<Event>], Cause.Done> = Effect.suspend(() => {
      const some = events.slice(position, this.published)
      position = Math.max(position, this.published)
      if (some.length > 0) return Effect.succeed(some as [Event, ...Array<Event>])
      const last = events[this.published - 1]
      return last !== undefined && isTerminal(last) ? done() : Effect.andThen(this.waitForMore(position), pull)
    })
    return pull
  }

  /** Waits until more than `length` events are published. */
  waitForMore(length: number): Effect.Effect<void> {
    return Effect.callback((resume) => {
      if (this.published > length) return resume(Effect.void)
      const listener = () => {
        this.listeners?.delete(listener)
        resume(Effect.void)
      }
      this.listeners ??= new Set()
      this.listeners.add(listener)
      return Effect.sync(() => this.listeners?.delete(listener))
    })
  }

  /** The common fields of the next event about the run. */
  runFields(atMillis: number): RunFields {
    const { id: runId, pipelineId } = this.submission
    return { runId, pipelineId, sequence: this.events.length + 1, atMillis }
  }

  /** The common fields of the next event about a step. */
  stepFields(index: number, attempt: number, atMillis: number): StepFields {
    return { ...this.runFields(atMillis), step: this.plan.steps[index]!.name, index, attempt }
  }

  /** Continues the log of an earlier Store. */
  restore(events: ReadonlyArray<Event>, lines: ReadonlyArray<Line>, linesDropped: number): void {
    for (const event of events) {
      this.add(event)
      if (event.type === "RunStarted") this.#startedAtMillis = event.atMillis
      else if (event.type === "StepStarted") this.#percents?.delete(event.index)
      else if (event.type === "StepProgressed") this.#isNewPercent(event.index, event.done, event.total)
    }
    this.published = this.events.length
    for (const line of lines) this.write(line)
    this.linesDropped = linesDropped
  }

  add(event: Event): void {
    this.events.push(event)
    if ("error" in event) this.#errorsBytes += bytesOfError(event.error)
  }

  runStarted(values: RunValues, atMillis: number): void {
    const { requestId, kind, parameters } = this.submission
    this.#startedAtMillis = atMillis
    this.events.push({
      type: "RunStarted",
      ...this.runFields(atMillis),
      ...(kind !== undefined && { kind }),
      ...(requestId !== undefined && { requestId }),
      ...(values.fitTogether(Object.keys(parameters)) && { parameters })
    })
  }

  /** The last event of a run that completes. */
  runCompleted(values: RunValues, atMillis: number): Event {
    const { results } = this.submission
    const fields = this.runFields(atMillis)
    const durationMillis = atMillis - this.#startedAtMillis
    return values.fitTogether(results)
      ? { type: "RunCompleted", ...fields, durationMillis, result: { results, outputs: values.pick(results) } }
      : { type: "RunCompleted", ...fields, durationMillis }
  }

  // The two most frequent events are written as one object literal, which is fastest.

  /** `worker`: undefined when none runs the attempt. */
  stepStarted(index: number, attempt: number, atMillis: number, worker?: string): void {
    const { id: runId, pipelineId } = this.submission
    this.#percents?.delete(index)
    const { name: step } = this.plan.steps[index]!
    const sequence = this.events.length + 1
    this.events.push(
      worker === undefined
        ? { type: "StepStarted", runId, pipelineId, sequence, atMillis, step, index, attempt }
        : { type: "StepStarted", runId, pipelineId, sequence, atMillis, step, index, attempt, worker }
    )
  }

  stepCompleted(
    index: number,
    attempt: number,
    outputs: Extract<Event, { readonly type: "StepCompleted" }>["outputs"],
    durationMillis: number,
    atMillis: number,
    more?: HowCompleted
  ): void {
    const { id: runId, pipelineId } = this.submission
    const { name: step } = this.plan.steps[index]!
    const completed: Event = {
      type: "StepCompleted",
      runId,
      pipelineId,
      sequence: this.events.length + 1,
      atMillis,
      step,
      index,
      attempt,
      outputs,
      durationMillis
    }
    this.events.push(more === undefined ? completed : { ...completed, ...more })
  }

  /** Adds at most one event per percent of an attempt, however long the list is. */
  stepProgressed(index: number, attempt: number, done: number, total: number, atMillis: number): void {
    if (!this.#isNewPercent(index, done, total)) return
    this.events.push({ type: "StepProgressed", ...this.stepFields(index, attempt, atMillis), done, total })
  }

  #isNewPercent(index: number, done: number, total: number): boolean {
    const percent = total > 0 ? Math.min(Math.floor((100 * done) / total), 100) : 0
    this.#percents ??= new Map()
    if (percent <= (this.#percents.get(index) ?? -1)) return false
    this.#percents.set(index, percent)
    return true
  }

  /** Items of a step have failed for good. An error without `item` is about the item `first`. */
  itemsFailed(index: number, attempt: number, errors: ReadonlyArray<ErrorInfo>, first: number, atMillis: number): void {
    const fields = this.stepFields(index, attempt, atMillis)
    for (const [at, error] of errors.entries()) {
      const sequence = fields.sequence + at
      this.add({ type: "StepItemFailed", ...fields, sequence, item: error.item ?? first, error })
    }
  }

  /** Records a note of an attempt; its progress only while its lease is live. */
  note({ claim, progress, line, dropped = 0 }: Note, isLive: boolean, atMillis: number): void {
    const { index, step, attempt, item } = claim
    this.linesDropped += dropped
    if (progress !== undefined && isLive && item === undefined) {
      this.stepProgressed(index, attempt, progress.done, progress.total, atMillis)
    }
    if (line !== undefined) this.write({ atMillis, step, attempt, ...line })
  }

  write(line: Line): void {
    this.unsaved?.lines.push(line)
    this.#lines ??= []
    this.#lines.push(line)
    this.#linesBytes += bytesOf(line)
    // Half are dropped in one go: dropping lines one by one would move all others each time.
    if (this.#lines.length < 2 * MAX_LINES) return
    const dropped = this.#lines.splice(0, this.#lines.length - MAX_LINES)
    this.linesDropped += dropped.length
    for (const each of dropped) this.#linesBytes -= bytesOf(each)
  }

  /** How many lines are kept. */
  get linesKept(): number {
    return this.#lines?.length ?? 0
  }

  get lines(): Lines {
    const lines = this.#lines ?? []
    const shown = lines.slice(-MAX_LINES)
    return { lines: shown, dropped: this.linesDropped + lines.length - shown.length }
  }
}

const bytesOfError = ({ message, stack = "", cause }: ErrorInfo): number =>
  Bytes.ofText(message) + Bytes.ofText(stack) + (cause === undefined ? 0 : bytesOfError(cause))

const bytesOf = ({ message, fields }: Line): number =>
  Bytes.ofText(message) + (fields === undefined ? 0 : Bytes.ofText(fields))
