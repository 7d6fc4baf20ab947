/** The log of a run in memory: its events, who watches them, and the lines that its tasks write. */
import * as Effect from "effect/Effect"
import type { Plan } from "../../pipeline/Plan.ts"
import type { Event, HowCompleted } from "../../run/Event.ts"
import * as Run from "../../run/Run.ts"
import type { Note } from "../../store/Work.ts"
import { type Line, type Lines, MAX_LINES } from "../../task/Log.ts"
import * as Bytes from "../../values/Bytes.ts"
import type { ErrorInfo } from "../../values/ErrorInfo.ts"

/** How many events make a log long. */
const LONG_LOG = 1_000

/** What an event, and a step of a plan of its own, count for in a run's history, in bytes. */
const EVENT_BYTES = 100
const STEP_BYTES = 100

type RunFields = Pick<Event, "runId" | "pipelineId" | "sequence" | "atMillis">
type StepFields = RunFields & Pick<Extract<Event, { readonly step: string }>, "step" | "index" | "attempt">

/** Events in order, and what is read out of them. */
export class RunLog {
  readonly submission: Run.Submission
  readonly plan: Plan
  readonly events: Array<Event> = []
  /** Called after the log has grown. */
  listeners: Set<() => void> | undefined = undefined
  /** How many of its events the feed has been told of. */
  published = 0
  /** How many lines were not kept. */
  linesDropped = 0
  #lines: Array<Line> | undefined = undefined
  #linesBytes = 0
  #errorsBytes = 0
  readonly #ownBytes: number
  /** The percent that was told last, by step. */
  #percents: Map<number, number> | undefined = undefined
  #snapshot: Run.Run | undefined = undefined

  constructor(submission: Run.Submission, plan: Plan) {
    this.submission = submission
    this.plan = plan
    // A run of a part has a plan of its own; others share that of their pipeline.
    const isPart = submission.targets !== undefined || submission.retryOf !== undefined || hasKeys(submission.given)
    this.#ownBytes = isPart ? STEP_BYTES * plan.steps.length : 0
  }

  /** Bytes of its lines and, by estimate, of its events and of what else it has of its own. */
  get bytes(): number {
    return this.#ownBytes + this.#linesBytes + this.#errorsBytes + EVENT_BYTES * this.events.length
  }

  /** The fold of the log. That of a long one is kept, so that asking again costs only what happened since. */
  get state(): Run.Run {
    const { events } = this
    if (events.length < LONG_LOG) return Run.fold(Run.pending(this.submission, this.plan.steps), events)
    const folded = this.#snapshot ?? Run.pending(this.submission, this.plan.steps)
    if (folded.sequence < events.length) this.#snapshot = Run.fold(folded, events.slice(folded.sequence))
    return this.#snapshot ?? folded
  }

  /** Waits until the log has more than so many events. */
  waitForMore(length: number): Effect.Effect<void> {
    return Effect.callback((resume) => {
      if (this.events.length > length) return resume(Effect.void)
      const listener = () => {
        this.listeners?.delete(listener)
        resume(Effect.void)
      }
      this.listeners ??= new Set()
      this.listeners.add(listener)
      return Effect.sync(() => this.listeners?.delete(listener))
    })
  }

  /** What an event about the run begins with. */
  runFields(atMillis: number): RunFields {
    const { id: runId, pipelineId } = this.submission
    return { runId, pipelineId, sequence: this.events.length + 1, atMillis }
  }

  /** What an event about a step begins with. */
  stepFields(index: number, attempt: number, atMillis: number): StepFields {
    return { ...this.runFields(atMillis), step: this.plan.steps[index]!.name, index, attempt }
  }

  add(event: Event): void {
    this.events.push(event)
    if ("error" in event) this.#errorsBytes += bytesOfError(event.error)
  }

  // The two that happen most are spelt out: an object that is made in one go costs the least.

  stepStarted(index: number, attempt: number, atMillis: number): void {
    const { id: runId, pipelineId } = this.submission
    this.#percents?.delete(index)
    const { name: step } = this.plan.steps[index]!
    const sequence = this.events.length + 1
    this.events.push({ type: "StepStarted", runId, pipelineId, sequence, atMillis, step, index, attempt })
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

  /** One event for each percent of an attempt: as many as anybody can see, and not more for a longer list. */
  stepProgressed(index: number, attempt: number, done: number, total: number, atMillis: number): void {
    const percent = total > 0 ? Math.min(Math.floor((100 * done) / total), 100) : 0
    this.#percents ??= new Map()
    if (percent <= (this.#percents.get(index) ?? -1)) return
    this.#percents.set(index, percent)
    this.events.push({ type: "StepProgressed", ...this.stepFields(index, attempt, atMillis), done, total })
  }

  /** Items of a step have failed for good; an error that does not say which is about the item `first`. */
  itemsFailed(index: number, attempt: number, errors: ReadonlyArray<ErrorInfo>, first: number, atMillis: number): void {
    const about = this.stepFields(index, attempt, atMillis)
    for (const [at, error] of errors.entries()) {
      const sequence = about.sequence + at
      this.add({ type: "StepItemFailed", ...about, sequence, item: error.item ?? first, error })
    }
  }

  /** Keeps what an attempt says; its progress only while it has its lease. */
  note({ claim, progress, line, dropped = 0 }: Note, isLive: boolean, atMillis: number): void {
    const { index, step, attempt, item } = claim
    this.linesDropped += dropped
    if (progress !== undefined && isLive && item === undefined) {
      this.stepProgressed(index, attempt, progress.done, progress.total, atMillis)
    }
    if (line !== undefined) this.write({ atMillis, step, attempt, ...line })
  }

  write(line: Line): void {
    this.#lines ??= []
    this.#lines.push(line)
    this.#linesBytes += bytesOf(line)
    // Dropped in one go and not one by one, which would move all the others each time.
    if (this.#lines.length < 2 * MAX_LINES) return
    const dropped = this.#lines.splice(0, this.#lines.length - MAX_LINES)
    this.linesDropped += dropped.length
    for (const each of dropped) this.#linesBytes -= bytesOf(each)
  }

  get lines(): Lines {
    const lines = this.#lines ?? []
    const shown = lines.slice(-MAX_LINES)
    return { lines: shown, dropped: this.linesDropped + lines.length - shown.length }
  }
}

const hasKeys = (record: object): boolean => {
  for (const _ in record) return true
  return false
}

const bytesOfError = ({ message, cause }: ErrorInfo): number =>
  Bytes.ofText(message) + (cause === undefined ? 0 : bytesOfError(cause))

const bytesOf = ({ message, fields }: Line): number =>
  Bytes.ofText(message) + (fields === undefined ? 0 : Bytes.ofText(fields))
