/** A run of a Store in memory, as its lists, queues and limits see it. */
import type { RunStatus, Submission } from "../../run/Run.ts"
import type { Timer } from "../../runtime/TimerHeap.ts"
import type { Limit } from "../../values/Limit.ts"
import type { ReadyQueue, ReadyUnit } from "../work/ReadyQueues.ts"
import { RunEntries } from "./RunIndex.ts"

/** The place of a run in the queues of its Store. */
export abstract class QueuedRun<Run, Unit extends ReadyUnit<Unit>> {
  /** The limits that it holds while it runs. */
  readonly limits: ReadonlyArray<Limit>
  /** The queue of its ready steps. */
  readonly queue: ReadyQueue<Unit>
  /** Runs are numbered in the order of submission. */
  readonly serial: number
  readonly entries: RunEntries<Run> = new RunEntries()
  status: RunStatus = "PENDING"
  endedAtMillis = 0
  /** Whether it holds its limits. */
  isAdmitted = false
  /** Whether its steps may become ready. */
  isOpen = false
  /** Whether it is open without its limits, as no worker has its version; it acquires them before its next lease. */
  isWithoutLimits = false
  /** Its units that wait until it holds its limits again; undefined when it does not wait for limits. */
  parked: Array<Unit> | undefined = undefined
  waitSerial = 0
  /** Its pending timers. */
  timers: Set<Timer> | undefined = undefined
  /** Called after the run has ended. */
  onEnd: Array<() => void> = []

  constructor(serial: number, limits: ReadonlyArray<Limit>, queue: ReadyQueue<Unit>) {
    this.serial = serial
    this.limits = limits
    this.queue = queue
  }

  abstract get submission(): Submission

  get isOver(): boolean {
    return this.status !== "PENDING" && this.status !== "RUNNING"
  }

  get priority(): number {
    return this.submission.priority
  }
  get waitClass(): string {
    return ""
  }
}
