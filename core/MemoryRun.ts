/** One run of a Store in memory: its log, its values and the counts that say which step is ready. */
import * as Effect from "effect/Effect"
import type { ErrorInfo } from "./Errors.ts"
import type { Event } from "./Event.ts"
import type { Lease } from "./Lease.ts"
import type { Plan } from "./Plan.ts"
import type { ReadyQueue } from "./ReadySteps.ts"
import * as Run from "./Run.ts"
import type { Outcome } from "./Store.ts"
import type { Json } from "./Value.ts"

/** What a run tells the Store that it lives in. */
export interface Owner {
  readonly ready: (run: MemoryRun, index: number) => void
  readonly revoke: (lease: Lease) => void
  readonly ended: (run: MemoryRun) => void
}

/** How many events make a log long. */
const LONG = 1_000

/** A run and everything that is kept of it. Every method is one synchronous act, so nobody sees half of one. */
export class MemoryRun {
  readonly submission: Run.Submission
  readonly plan: Plan
  readonly events: Array<Event> = []
  readonly values: Map<string, Json> = new Map()
  /** The lease of each step that has one. */
  readonly leases: Array<Lease | undefined>
  status: Run.RunStatus = "PENDING"
  endedAtMillis = 0
  /** UTF-16 units of all its values. */
  size = 0
  /** The run that ended after it. */
  finishedBefore: MemoryRun | undefined = undefined
  /** Where the Store queues its ready steps. */
  readonly queue: ReadyQueue
  /** Called after the log has grown. */
  listeners: Set<() => void> | undefined = undefined
  /** Called after the run has ended. */
  onEnd: Array<() => void> = []

  readonly #owner: Owner
  readonly #waits: Array<number>
  readonly #attempts: Array<number>
  #remaining: number
  #folded: Run.Run | undefined = undefined

  constructor(owner: Owner, submission: Run.Submission, plan: Plan, queue: ReadyQueue) {
    this.#owner = owner
    this.queue = queue
    this.submission = submission
    this.plan = plan
    const size = plan.steps.length
    this.#remaining = size
    this.#waits = new Array<number>(size)
    this.#attempts = new Array<number>(size).fill(0)
    this.leases = new Array<Lease | undefined>(size)
    for (const name of Object.keys(submission.parameters)) this.#keep(name, submission.parameters[name]!)
  }

  get terminal(): boolean {
    return Run.isTerminal(this.status)
  }

  /** The fold of the log. That of a long one is kept, so that asking again costs only what happened since. */
  get state(): Run.Run {
    const { events } = this
    if (events.length < LONG) return Run.fold(Run.pending(this.submission, this.plan.steps), events)
    const folded = this.#folded ?? Run.pending(this.submission, this.plan.steps)
    if (folded.sequence < events.length) this.#folded = Run.fold(folded, events.slice(folded.sequence))
    return this.#folded ?? folded
  }

  /** Waits until the log grows. */
  get grown(): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const listener = () => {
        this.listeners?.delete(listener)
        resume(Effect.void)
      }
      this.listeners ??= new Set()
      this.listeners.add(listener)
      return Effect.sync(() => this.listeners?.delete(listener))
    })
  }

  /** Makes the steps ready that wait for nothing. */
  open(): void {
    const steps = this.plan.steps
    for (let index = 0; index < steps.length; index++) {
      const waits = steps[index]!.waits
      this.#waits[index] = waits
      if (waits === 0) this.#owner.ready(this, index)
    }
  }

  /** The attempt that a claim of the step is. */
  nextAttempt(index: number): number {
    return ++this.#attempts[index]!
  }

  started(lease: Lease, atMillis: number): void {
    const { id: runId, pipelineId } = this.submission
    if (this.status === "PENDING") {
      this.status = "RUNNING"
      this.events.push({ type: "RunStarted", runId, pipelineId, sequence: this.events.length + 1, atMillis })
    }
    this.leases[lease.index] = lease
    this.events.push({
      type: "StepStarted",
      runId,
      pipelineId,
      sequence: this.events.length + 1,
      atMillis,
      step: lease.step,
      index: lease.index,
      attempt: lease.attempt
    })
  }

  /** Records how a claim ended. Whoever calls has compared the token. */
  settle(lease: Lease, outcome: Outcome, atMillis: number): void {
    const { index, attempt, step } = lease
    const { id: runId, pipelineId } = this.submission
    const sequence = this.events.length + 1
    const durationMillis = atMillis - lease.startedAtMillis
    this.leases[index] = undefined
    switch (outcome._tag) {
      case "Completed": {
        const { outputs } = outcome
        for (const name of Object.keys(outputs)) this.#keep(name, outputs[name]!)
        this.events.push({
          type: "StepCompleted",
          runId,
          pipelineId,
          sequence,
          atMillis,
          step,
          index,
          attempt,
          outputs,
          durationMillis
        })
        for (const released of this.plan.steps[index]!.releases) {
          if (--this.#waits[released]! === 0) this.#owner.ready(this, released)
        }
        if (--this.#remaining === 0) {
          this.#end("COMPLETED", { type: "RunCompleted", runId, pipelineId, sequence: sequence + 1, atMillis })
        }
        return
      }
      case "Failed": {
        const { error } = outcome
        this.events.push({
          type: "StepFailed",
          runId,
          pipelineId,
          sequence,
          atMillis,
          step,
          index,
          attempt,
          error,
          durationMillis
        })
        this.fail(error, atMillis)
        return
      }
      case "Released": {
        const { reason } = outcome
        this.events.push({ type: "StepReleased", runId, pipelineId, sequence, atMillis, step, index, attempt, reason })
        this.#owner.ready(this, index)
        return
      }
    }
  }

  fail(error: ErrorInfo, atMillis: number): void {
    const { id: runId, pipelineId } = this.submission
    this.#end("FAILED", { type: "RunFailed", runId, pipelineId, sequence: this.events.length + 1, atMillis, error })
  }

  cancel(reason: string, atMillis: number): void {
    const { id: runId, pipelineId } = this.submission
    this.#end("CANCELLED", {
      type: "RunCancelled",
      runId,
      pipelineId,
      sequence: this.events.length + 1,
      atMillis,
      reason
    })
  }

  #end(status: Run.RunStatus, event: Event): void {
    this.status = status
    this.endedAtMillis = event.atMillis
    this.events.push(event)
    if (status !== "COMPLETED") {
      for (const [index, lease] of this.leases.entries()) {
        if (lease === undefined) continue
        this.leases[index] = undefined
        this.#owner.revoke(lease)
      }
    }
    this.#owner.ended(this)
  }

  #keep(name: string, value: Json): void {
    this.values.set(name, value)
    this.size += name.length + value.length
  }
}
