/** Statistics of runs: the fold of their events, kept by pipeline, step and time slot. */

import type { Event } from "../run/Event.ts"
import type { ErrorInfo } from "../values/ErrorInfo.ts"
import { type Outcome, Outcomes } from "./Outcomes.ts"
import * as Series from "./Series.ts"

/** The length of a time slot, and how long a slot is kept, in milliseconds. */
export const SLOT_MILLIS = 300_000
export const KEPT_MILLIS = 86_400_000

/** How many tallies are kept at most, over all slots; the oldest slots are dropped first. */
const MAX_TALLIES = 50_000

/** How many pipelines and steps have separate totals; all others are counted as pipeline or step `other`. */
const MAX_TOTALS = 1_000
export const OTHER = "other"

/** How many different failures a tally keeps, and how many UTF-16 units of their messages. */
const MAX_FAILURES = 20
const MAX_MESSAGE = 200

/** How many unfinished runs are remembered, to measure their durations. */
const MAX_BEGUN = 100_000

/** A failure and how often it occurred. */
export interface FailureCount {
  readonly name: string
  readonly message: string
  readonly count: number
}

/** Statistics of a step or of runs. Durations are undefined without any; quantiles are at most a tenth too high. */
export interface Numbers {
  readonly completed: number
  readonly failed: number
  readonly cancelled: number
  /** completed / (completed + failed); undefined when both are 0. */
  readonly successRate: number | undefined
  readonly p50Millis: number | undefined
  readonly p95Millis: number | undefined
  readonly maxMillis: number | undefined
  /** Most frequent first. */
  readonly failures: ReadonlyArray<FailureCount>
}

/** Statistics of one step. Durations are those of attempts that completed the step or failed it for good. */
export interface StepNumbers extends Numbers {
  readonly step: string
  readonly retried: number
  readonly skipped: number
  /** How often the outputs of an earlier attempt were used. */
  readonly memoised: number
}

/** Statistics of a pipeline's runs since an instant. */
export interface PipelineNumbers extends Numbers {
  readonly pipelineId: string
  /** Milliseconds since 1970. */
  readonly sinceMillis: number
  /** In the order in which they were first seen. */
  readonly steps: ReadonlyArray<StepNumbers>
  /** The step with the highest `p95Millis`, and the one with the most failures and retries; undefined if all are 0. */
  readonly slowestStep: string | undefined
  readonly mostFailingStep: string | undefined
}

/** The counts of one step, or of runs. */
export class Tally extends Outcomes {
  retried = 0
  skipped = 0
  memoised = 0
  readonly #failures: Map<string, { name: string; message: string; count: number }> = new Map()

  failure({ name, message }: ErrorInfo, count = 1): void {
    const short = message.slice(0, MAX_MESSAGE)
    const key = `${name}\n${short}`
    const known = this.#failures.get(key)
    if (known !== undefined) known.count += count
    else if (this.#failures.size < MAX_FAILURES - 1 || name === OTHER) {
      this.#failures.set(key, { name, message: short, count })
    } else this.failure({ name: OTHER, message: "" }, count)
  }

  override merge(other: Tally): void {
    super.merge(other)
    this.retried += other.retried
    this.skipped += other.skipped
    this.memoised += other.memoised
    for (const failure of other.#failures.values()) this.failure(failure, failure.count)
  }

  get numbers(): Numbers {
    const { completed, failed, cancelled, durations } = this
    return {
      completed,
      failed,
      cancelled,
      successRate: completed + failed === 0 ? undefined : completed / (completed + failed),
      p50Millis: durations.quantile(0.5),
      p95Millis: durations.quantile(0.95),
      maxMillis: durations.count === 0 ? undefined : durations.max,
      failures: Array.from(this.#failures.values(), (failure) => ({ ...failure })).sort(
        (one, other) => other.count - one.count
      )
    }
  }
}

/** The counts of a pipeline in one slot, or in total. */
export class PipelineTally {
  readonly runs: Tally = new Tally()
  readonly steps: Map<string, Tally> = new Map()
}

/** The statistics of all pipelines. Add each event once, in the order of its run's log. */
export class Statistics {
  /** Counts since the beginning, by pipeline. */
  readonly totals: Map<string, PipelineTally> = new Map()
  /** How often events were missed, because they were read too slowly from the feed. */
  gaps = 0
  readonly #slots: Map<number, Map<string, PipelineTally>> = new Map()
  /** The number of the first slot that is kept whole. */
  #first = Number.NEGATIVE_INFINITY
  readonly #minutes: Series.Minutes = new Series.Minutes()
  #sinceMillis = Number.POSITIVE_INFINITY
  readonly #begun: Map<string, number> = new Map()
  #tallies = 0
  #totals = 0

  /** Says that counting begins now. Events from before may still be added. */
  begin(nowMillis: number): void {
    this.#sinceMillis = Math.min(this.#sinceMillis, nowMillis)
  }

  add(event: Event): void {
    if (event.atMillis < this.#sinceMillis) this.#sinceMillis = event.atMillis
    const at = Math.floor(event.atMillis / SLOT_MILLIS)
    const outcome = OUTCOMES[event.type]
    const duration = outcome === "completed" || outcome === "failed" ? this.#durationOf(event) : undefined
    this.#count(event, this.#tallyOf(at, event.pipelineId), this.#stepOf, duration)
    this.#count(event, this.#totalOf(event.pipelineId), this.#stepTotalOf, duration)
    if (event.type === "RunStarted") {
      if (this.#begun.size >= MAX_BEGUN) this.#begun.delete(this.#begun.keys().next().value!)
      this.#begun.set(event.runId, event.atMillis)
    } else if (outcome !== undefined) {
      this.#minutes.add(outcome, event.pipelineId, event.atMillis, duration)
      this.#begun.delete(event.runId)
    }
  }

  /** The statistics of a pipeline since the beginning of the slot that contains `sinceMillis`. */
  of(pipelineId: string, sinceMillis: number): PipelineNumbers {
    const first = Math.floor(sinceMillis / SLOT_MILLIS)
    const whole = new PipelineTally()
    for (const [at, slot] of this.#slots) {
      const tally = at < first ? undefined : slot.get(pipelineId)
      if (tally === undefined) continue
      whole.runs.merge(tally.runs)
      for (const [step, numbers] of tally.steps) stepOf(whole, step).merge(numbers)
    }
    const steps = Array.from(whole.steps, ([step, tally]): StepNumbers => {
      const { retried, skipped, memoised } = tally
      return { step, ...tally.numbers, retried, skipped, memoised }
    })
    const most = (by: (step: StepNumbers) => number): string | undefined =>
      steps.reduce<StepNumbers | undefined>(
        (found, step) => (by(step) > (found === undefined ? 0 : by(found)) ? step : found),
        undefined
      )?.step
    return {
      pipelineId,
      sinceMillis: first * SLOT_MILLIS,
      ...whole.runs.numbers,
      steps,
      slowestStep: most(({ p95Millis }) => p95Millis ?? 0),
      mostFailingStep: most(({ failed, retried }) => failed + retried)
    }
  }

  /**
   * Finished runs over the last `minutes` (at most a day), in at most `points` intervals: of one pipeline, or of all that
   * `wanted` accepts. An interval is at least a minute long, or five minutes if the series is longer than an hour.
   */
  series(
    wanted: string | ((pipelineId: string) => boolean),
    nowMillis: number,
    minutes: number,
    points: number
  ): Series.Series {
    const pick = <A>(slot: ReadonlyMap<string, A>, runsOf: (of: A) => Outcomes): ReadonlyArray<Outcomes> => {
      if (typeof wanted !== "string") return [...slot].flatMap(([id, of]) => (wanted(id) ? [runsOf(of)] : []))
      const found = slot.get(wanted)
      return found === undefined ? [] : [runsOf(found)]
    }
    const slots = Series.isShort(minutes)
      ? this.#minutes.slots((slot) => pick(slot, (of) => of))
      : {
          millis: SLOT_MILLIS,
          first: this.#first,
          of: (at: number) => pick(this.#slots.get(at) ?? NO_TALLIES, ({ runs }) => runs)
        }
    return Series.seriesOf(slots, this.#sinceMillis, nowMillis, minutes, points)
  }

  #count(
    event: Event,
    tally: PipelineTally,
    of: (tally: PipelineTally, step: string) => Tally,
    durationMillis: number | undefined
  ): void {
    switch (event.type) {
      case "StepCompleted": {
        const step = of(tally, event.step)
        if (event.memoised === true) step.memoised++
        // A memoised step has no duration.
        step.add("completed", event.memoised === true ? undefined : event.durationMillis)
        break
      }
      case "StepFailed":
        of(tally, event.step).add("failed", event.durationMillis)
        of(tally, event.step).failure(event.error)
        break
      case "StepRetried":
        of(tally, event.step).retried++
        of(tally, event.step).failure(event.error)
        break
      case "StepSkipped":
        of(tally, event.step).skipped++
        break
      case "StepCancelled":
        of(tally, event.step).cancelled++
        break
      case "RunCompleted":
        tally.runs.add("completed", durationMillis)
        break
      case "RunFailed":
        tally.runs.add("failed", durationMillis)
        tally.runs.failure(event.error)
        break
      case "RunCancelled":
        tally.runs.add("cancelled", undefined)
        break
    }
  }

  #durationOf({ runId, atMillis }: Event): number | undefined {
    const begun = this.#begun.get(runId)
    return begun === undefined ? undefined : atMillis - begun
  }

  #tallyOf(at: number, pipelineId: string): PipelineTally {
    let slot = this.#slots.get(at)
    if (slot === undefined) {
      slot = new Map()
      this.#slots.set(at, slot)
      for (const old of this.#slots.keys()) if (old < at - KEPT_MILLIS / SLOT_MILLIS) this.#forget(old)
    }
    let tally = slot.get(pipelineId)
    if (tally === undefined) {
      tally = new PipelineTally()
      slot.set(pipelineId, tally)
      this.#grown()
    }
    return tally
  }

  readonly #stepOf = (tally: PipelineTally, step: string): Tally => {
    if (!tally.steps.has(step)) this.#grown()
    return stepOf(tally, step)
  }

  #grown(): void {
    if (++this.#tallies > MAX_TALLIES && this.#slots.size > 1) this.#forget(Math.min(...this.#slots.keys()))
  }

  #forget(at: number): void {
    for (const { steps } of this.#slots.get(at)!.values()) this.#tallies -= steps.size + 1
    this.#slots.delete(at)
    this.#first = Math.max(this.#first, at + 1)
  }

  #totalOf(pipelineId: string): PipelineTally {
    const known = this.totals.get(pipelineId)
    if (known !== undefined) return known
    const name = this.#totals++ < MAX_TOTALS ? pipelineId : OTHER
    const tally = this.totals.get(name) ?? new PipelineTally()
    this.totals.set(name, tally)
    return tally
  }

  readonly #stepTotalOf = (tally: PipelineTally, step: string): Tally => {
    const isKnown = tally.steps.has(step)
    return stepOf(tally, isKnown || this.#totals++ < MAX_TOTALS ? step : OTHER)
  }
}

/** The outcome of a run, by the event that ends it. */
const OUTCOMES: { readonly [Type in Event["type"]]?: Outcome } = {
  RunCompleted: "completed",
  RunFailed: "failed",
  RunCancelled: "cancelled"
}

const NO_TALLIES: ReadonlyMap<string, PipelineTally> = new Map()

/** Adds the counts of two pipelines. All steps are counted as one step, `other`. */
export const combine = (known: PipelineTally | undefined, more: PipelineTally): PipelineTally => {
  const whole = new PipelineTally()
  for (const tally of known === undefined ? [more] : [known, more]) {
    whole.runs.merge(tally.runs)
    for (const step of tally.steps.values()) stepOf(whole, OTHER).merge(step)
  }
  return whole
}

const stepOf = ({ steps }: PipelineTally, step: string): Tally => {
  let tally = steps.get(step)
  if (tally === undefined) {
    tally = new Tally()
    steps.set(step, tally)
  }
  return tally
}
