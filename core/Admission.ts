/** When the runs of a Store in memory begin: after their delay, and when they can hold their limits. */
import type { Alarms } from "./Alarms.ts"
import type { MemoryRun } from "./MemoryRun.ts"
import { Slots } from "./Slots.ts"

/** Runs that wait to begin, and what happens to runs at an instant. */
export class Admission {
  readonly #alarms: Alarms
  readonly #now: () => number
  /** Called at the end of what happens at an instant. */
  readonly #complete: () => void
  /** Runs that may try again. */
  readonly #admissible: Array<MemoryRun> = []
  readonly #slots: Slots<MemoryRun> = new Slots((run) => this.#admissible.push(run))

  constructor(alarms: Alarms, now: () => number, complete: () => void) {
    this.#alarms = alarms
    this.#now = now
    this.#complete = complete
  }

  /** Begins a run, or has it wait for its limits. */
  admit(run: MemoryRun): void {
    if (run.limits.length > 0 && !this.#slots.take(run, run.limits)) return
    run.isAdmitted = true
    run.open(this.#now())
  }

  /** Begins the runs whose turn has come. */
  admitNext(): void {
    for (let run = this.#admissible.shift(); run !== undefined; run = this.#admissible.shift()) {
      if (run.isOver) this.#slots.pass(run.limits)
      else this.admit(run)
    }
  }

  /** Has something happen to a run after a while, unless it is over by then. */
  after(run: MemoryRun, millis: number, happen: () => void): void {
    const alarm = this.#alarms.after(millis, () => {
      run.alarms!.delete(alarm)
      happen()
      this.#complete()
    })
    run.alarms ??= new Set()
    run.alarms.add(alarm)
  }

  /** A run is over: nothing happens to it any more, and what it held is free. */
  ended(run: MemoryRun): void {
    if (run.alarms !== undefined) for (const alarm of run.alarms) this.#alarms.remove(alarm)
    run.alarms = undefined
    if (run.isAdmitted) this.#slots.give(run.limits)
    else if (run.waitSerial > 0) this.#slots.pass(run.limits)
  }
}
