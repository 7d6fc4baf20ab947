/** How often runs, or the attempts of a step, ended in each way, and how long they took. */
import { Histogram } from "./Histogram.ts"

/** How a run or a step ended. */
export type Outcome = "completed" | "failed" | "cancelled"

/** Counts of ends by outcome, and the durations of those that have one, in milliseconds. */
export class Outcomes {
  completed = 0
  failed = 0
  cancelled = 0
  readonly durations: Histogram = new Histogram()

  add(outcome: Outcome, durationMillis: number | undefined): void {
    this[outcome]++
    if (durationMillis !== undefined) this.durations.add(durationMillis)
  }

  /** Adds other counts. */
  merge(other: Outcomes): void {
    this.completed += other.completed
    this.failed += other.failed
    this.cancelled += other.cancelled
    this.durations.merge(other.durations)
  }
}
