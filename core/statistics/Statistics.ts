/** Statistics of runs: the fold of their events, kept by pipeline, step and time slot. */

import type { Event } from "../run/Event.ts"
import type { ErrorInfo } from "../values/ErrorInfo.ts"
import { Histogram } from "./Histogram.ts"

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

type Outcome = "completed" | "failed" | "cancelled"

/** The counts of one step, or of runs. */
export class Tally {
  completed = 0
  failed = 0
  cancelled = 0
  retried = 0
  skipped = 0
  memoised = 0
  readonly durations: Histogram = new Histogram()
  readonly #failures: Map<string, { name: string; message: string; count: number }> = new Map()

  add(outcome: Outcome, durationMillis: number | undefined): void {
    this[outcome]++
    if (durationMillis !== undefined) this.durations.add(durationMillis)
  }

  failure({ name, message }: ErrorInfo, count = 1): void {
    const short = message.slice(0, MAX_MESSAGE)
    const key = `${name}\n${short}`
    const known = this.#failures.get(key)
    if (known !== undefined) known.count += count
    else if (this.#failures.size < MAX_FAILURES - 1 || name === OTHER) {
      this.#failures.set(key, { name, message: short, count })
    } else this.failure({ name: OTHER, message: "" }, count)
  }

  merge(other: Tally): void {
    this.completed += other.completed
    this.failed += other.failed
    this.cancelled += other.cancelled
    this.retried += other.retried
    this.skipped += other.skipped
    this.memoised += other.memoised
    this.durations.merge(other.durations)
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
  readonly #begun: Map<string, number> = new Map()
  #tallies = 0
  #totals = 0

  add(event: Event): void {
    const at = Math.floor(event.atMillis / SLOT_MILLIS)
    this.#count(event, this.#tallyOf(at, event.pipelineId), (tally, step) => this.#stepOf(tally, step))
    this.#count(event, this.#totalOf(event.pipelineId), (tally, step) => this.#stepTotalOf(tally, step))
    if (event.type === "RunStarted") {
      if (this.#begun.size >= MAX_BEGUN) this.#begun.delete(this.#begun.keys().next().value!)
      this.#begun.set(event.runId, event.atMillis)
    } else if (event.type === "RunCompleted" || event.type === "RunFailed" || event.type === "RunCancelled") {
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

  #count(event: Event, tally: PipelineTally, of: (tally: PipelineTally, step: string) => Tally): void {
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
        tally.runs.add("completed", this.#durationOf(event))
        break
      case "RunFailed":
        tally.runs.add("failed", this.#durationOf(event))
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

  #stepOf(tally: PipelineTally, step: string): Tally {
    if (!tally.steps.has(step)) this.#grown()
    return stepOf(tally, step)
  }

  #grown(): void {
    if (++this.#tallies > MAX_TALLIES && this.#slots.size > 1) this.#forget(Math.min(...this.#slots.keys()))
  }

  #forget(at: number): void {
    for (const { steps } of this.#slots.get(at)!.values()) this.#tallies -= steps.size + 1
    this.#slots.delete(at)
  }

  #totalOf(pipelineId: string): PipelineTally {
    const known = this.totals.get(pipelineId)
    if (known !== undefined) return known
    const name = this.#totals++ < MAX_TOTALS ? pipelineId : OTHER
    const tally = this.totals.get(name) ?? new PipelineTally()
    this.totals.set(name, tally)
    return tally
  }

  #stepTotalOf(tally: PipelineTally, step: string): Tally {
    const isKnown = tally.steps.has(step)
    return stepOf(tally, isKnown || this.#totals++ < MAX_TOTALS ? step : OTHER)
  }
}

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
