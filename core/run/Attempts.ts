/** The attempts of a step, as the fold of its run's events. */
import { type ErrorInfo, stepCancelled } from "../values/ErrorInfo.ts"
import type { InvalidOption } from "../values/Errors.ts"
import * as OptionCheck from "../values/OptionCheck.ts"
import { type Event, isTerminal } from "./Event.ts"

/** The status of an attempt. LOST: its worker was lost, or gave the step back. CANCELLED: its step or run ended meanwhile. */
export type AttemptStatus = "RUNNING" | "COMPLETED" | "FAILED" | "CANCELLED" | "LOST"

/** One attempt of a step, or of an item of it. Instants are milliseconds since 1970. */
export interface AttemptState {
  /** 1, 2, 3…; each item counts its own. */
  readonly attempt: number
  /** The item that failed or was lost; undefined for an attempt of the step itself, which in a map reads the list. */
  readonly item: number | undefined
  readonly status: AttemptStatus
  /** undefined for items: the log does not say when their attempts begin. */
  readonly startedAtMillis: number | undefined
  readonly completedAtMillis: number | undefined
  /** Why it failed, was lost or was cancelled. */
  readonly error: ErrorInfo | undefined
  /** The worker that ran it, as far as the log says so. */
  readonly worker: string | undefined
}

/** Which attempts to list. */
export interface AttemptsRequest {
  readonly runId: string
  readonly step: string
  /** The longest answer: 1 to 500 attempts. */
  readonly limit: number
  /** The `nextCursor` of an earlier list. Default: the first attempt. */
  readonly cursor?: string
}

/** A part of the list of attempts. */
export interface AttemptList {
  readonly attempts: ReadonlyArray<AttemptState>
  /** Where the next part begins; undefined at the end. */
  readonly nextCursor: string | undefined
}

/** The most attempts of one answer. */
export const MAX_ATTEMPTS = 500

/** The first mistake in a request; undefined when it is valid. */
export const invalid = ({ limit, cursor }: AttemptsRequest): InvalidOption | undefined =>
  OptionCheck.required(OptionCheck.integer, "limit", limit, 1, MAX_ATTEMPTS) ?? OptionCheck.cursor("cursor", cursor)

/** Cuts a page out of the attempts of a step. A later list has the same attempts in the same places. */
export const page = (
  attempts: ReadonlyArray<AttemptState>,
  { limit, cursor = "0" }: Pick<AttemptsRequest, "limit" | "cursor">
): AttemptList => {
  const from = Number(cursor)
  const to = from + limit
  return { attempts: attempts.slice(from, to), nextCursor: to < attempts.length ? String(to) : undefined }
}

type Mutable<A> = { -readonly [K in keyof A]: A[K] }

/** Collects the attempts of one step from the events of its run, which `add` gets in order. */
export class Attempts {
  readonly #step: string
  readonly #found: Array<Mutable<AttemptState>> = []
  /** The attempt of the step that has not ended. */
  #open: Mutable<AttemptState> | undefined = undefined
  /** The number of the last attempt of the step. */
  #last = 0

  constructor(step: string) {
    this.#step = step
  }

  /** The attempts in the order in which they began; those of items in the order in which they ended. */
  get all(): ReadonlyArray<AttemptState> {
    return this.#found
  }

  add(event: Event): void {
    if (isTerminal(event)) {
      this.#end("CANCELLED", event.atMillis, reasonOfEnd(event))
      return
    }
    if (event.type === "RunStarted" || event.step !== this.#step) return
    const { atMillis } = event
    switch (event.type) {
      case "StepStarted":
        // Memoised outputs and refused inputs begin no attempt.
        if (event.attempt > this.#last) this.#begin(event.attempt, atMillis, event.worker)
        break
      case "StepCompleted":
        this.#end("COMPLETED", atMillis)
        break
      case "StepRetried":
      case "StepItemFailed":
        this.#endEither("FAILED", event, event.error)
        break
      case "StepReleased":
        this.#endEither("LOST", event, { name: "StepReleased", message: event.reason, step: event.step })
        break
      case "StepFailed":
        this.#end("FAILED", atMillis, event.error)
        break
      case "StepCancelled":
        this.#end("CANCELLED", atMillis, stepCancelled(event.step, event.reason))
        break
    }
  }

  #begin(attempt: number, startedAtMillis: number, worker: string | undefined): void {
    this.#last = attempt
    this.#open = {
      attempt,
      item: undefined,
      status: "RUNNING",
      startedAtMillis,
      completedAtMillis: undefined,
      error: undefined,
      worker
    }
    this.#found.push(this.#open)
  }

  /** Ends the open attempt of the step, or adds the ended attempt of an item. */
  #endEither(
    status: "FAILED" | "LOST",
    { attempt, item, atMillis }: { readonly attempt: number; readonly item?: number; readonly atMillis: number },
    error: ErrorInfo
  ): void {
    if (item === undefined) {
      this.#end(status, atMillis, error)
      return
    }
    const unknown = { startedAtMillis: undefined, worker: undefined }
    this.#found.push({ attempt, item, status, ...unknown, completedAtMillis: atMillis, error })
  }

  #end(status: AttemptStatus, atMillis: number, error?: ErrorInfo): void {
    const open = this.#open
    if (open === undefined) return
    this.#open = undefined
    open.status = status
    open.completedAtMillis = atMillis
    open.error = error
  }
}

const reasonOfEnd = (event: Extract<Event, { readonly type: "RunCompleted" | "RunFailed" | "RunCancelled" }>) => {
  switch (event.type) {
    case "RunFailed":
      return { name: "RunFailed", message: `the run failed: ${event.error.message}` }
    case "RunCancelled":
      return { name: "RunCancelled", message: `the run was cancelled: ${event.reason}` }
    case "RunCompleted":
      return undefined
  }
}
