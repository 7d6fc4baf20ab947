/** Calls the tasks of claims, one item after the other, and settles their outcomes. */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Registry } from "../registry/Registry.ts"
import { MAX_EXPANSION } from "../run/KeptItems.ts"
import type { TimerHeap } from "../runtime/TimerHeap.ts"
import { parentOf, type SpanStart, type Tracing } from "../runtime/Tracing.ts"
import type { Claim, Note, Outcome } from "../store/Work.ts"
import type { Leaks } from "../task/Leaks.ts"
import { toMessage } from "../task/Log.ts"
import { isPromiseLike } from "../task/Returned.ts"
import { describe } from "../values/ErrorInfo.ts"
import { Attempt, type AttemptContext, catchDefect, defectOutcome } from "./Attempt.ts"
import * as ItemUnits from "./ItemUnits.ts"
import { probe } from "./Probe.ts"
import { type AttemptListener, RunningAttempts, STOP_MILLIS } from "./RunningAttempts.ts"
import { StepCodecs } from "./StepCodec.ts"

/** How long synchronous tasks may follow one another before other fibers get a turn, in milliseconds. */
const TURN_MILLIS = 10

/** The outcome of a revoked attempt. The Store refuses it, and learns from it that the attempt has stopped. */
const STOPPED: Outcome = { _tag: "Released", reason: "it was told to stop" }

const { then: THEN } = Promise.prototype

/** A message about an attempt for the program's log. */
export interface LogMessage {
  readonly claim: Claim
  readonly level: "Debug" | "Warn"
  readonly text: string
}

/** The worker of the calls, as they see it. */
export interface TaskCallsOptions {
  readonly registry: Registry
  readonly timers: TimerHeap
  readonly maxValueBytes: number
  /** A monotonic clock. */
  readonly nowMillis: () => number
  /** A random number from 0 to 1. */
  readonly random: () => number
  readonly tracing: Tracing | undefined
  readonly leaks: Leaks | undefined
  /** Called with every outcome. */
  readonly settle: (claim: Claim, outcome: Outcome) => void
  readonly note: (note: Note) => void
  /** Called when attempts or claims have ended. */
  readonly onEnd: () => void
}

/** The calls of one worker. */
export class TaskCalls implements AttemptContext, AttemptListener {
  readonly maxValueBytes: number
  readonly nowMillis: () => number
  readonly random: () => number
  readonly note: (note: Note) => void
  readonly leaks: Leaks | undefined
  readonly attempts: RunningAttempts
  /** Messages to log. */
  readonly logMessages: Array<LogMessage> = []
  readonly #stepCodecs: StepCodecs
  readonly #settle: (claim: Claim, outcome: Outcome) => void
  readonly #tracing: Tracing | undefined
  readonly #onEnd: () => void
  /** Claims to start, and attempts that have items left. */
  #claims: Array<Claim> = []
  readonly #unfinished: Array<Attempt> = []
  /** Effects to start. */
  #effects: Array<{ readonly attempt: Attempt; readonly effect: Effect.Effect<unknown, unknown> }> = []
  /** When other fibers last got a turn. */
  #turnAtMillis = 0

  constructor(options: TaskCallsOptions) {
    const { registry, timers, maxValueBytes, nowMillis, random, tracing, leaks, settle, note, onEnd } = options
    this.leaks = leaks
    this.maxValueBytes = maxValueBytes
    this.nowMillis = nowMillis
    this.random = random
    this.note = note
    this.attempts = new RunningAttempts(timers, this)
    this.#stepCodecs = new StepCodecs(registry)
    this.#tracing = tracing
    this.#settle = settle
    this.#onEnd = onEnd
  }

  /** Whether there is something to call, start or log. */
  get hasWork(): boolean {
    return this.logMessages.length > 0 || this.#effects.length > 0 || this.#hasCalls
  }

  /** How many claims are running or waiting to be called. */
  get size(): number {
    return this.attempts.size + this.#claims.length
  }

  /** These claims. */
  get claims(): ReadonlyArray<Claim> {
    return [...this.attempts.claims, ...this.#claims]
  }

  get #hasCalls(): boolean {
    return this.#claims.length > 0 || this.#unfinished.length > 0
  }

  // -- events of attempts --------------------------------------------------------------------------------------------

  stopped(attempt: Attempt): void {
    this.#settleAttempt(attempt, attempt.stopOutcome ?? STOPPED)
    this.#onEnd()
  }

  stopIgnored(attempt: Attempt): void {
    const { claim, stepCodec } = attempt
    const message = `Task '${stepCodec.task.name}' ignores its signal: it still runs ${STOP_MILLIS} ms after it was told to stop. Its result is dropped`
    this.note({ claim, line: { level: "warn", message } })
    this.logMessages.push({ claim, level: "Warn", text: "ignores its signal" })
    this.stopped(attempt)
  }

  leaked(attempt: Attempt, error: unknown): void {
    if (attempt.hasLeaked) return
    attempt.hasLeaked = true
    const { claim, stepCodec } = attempt
    const isOver = attempt.runningIndex === -1 || attempt.isRevoked
    const when = isOver ? " after it had ended" : ""
    const message = `Task '${stepCodec.task.name}' leaked an error${when}: ${describe(error).message}`
    this.note({ claim, line: { level: "warn", message: toMessage(message) } })
    this.logMessages.push({
      claim,
      level: "Warn",
      text: `leaked an error${when}, which task '${stepCodec.task.name}' has to handle`
    })
    if (!isOver) {
      attempt.stopOutcome = attempt.outcomeOfError(error, true)
      this.attempts.revoke(attempt)
    }
    this.#onEnd()
  }

  // -- calling -------------------------------------------------------------------------------------------------------

  add(claims: ReadonlyArray<Claim>): void {
    for (const claim of claims) this.#claims.push(claim)
  }

  /** Settles claims without a call. */
  settleAll(claims: ReadonlyArray<Claim>, outcome: Outcome): void {
    for (const claim of claims) this.#settle(claim, outcome)
  }

  /** Calls tasks. Returns an Effect to run before the next `proceed`; undefined when nothing is left to call. */
  proceed(): Effect.Effect<void> | undefined {
    while (this.#hasCalls) {
      if (this.#isTurnOver()) return this.#yield
      const attempt = this.#unfinished.shift()
      if (attempt === undefined) this.#start(this.#claims.shift()!)
      else if (attempt.isRevoked) this.#onStopped(attempt)
      else this.#run(attempt)
    }
    return this.#effects.length > 0 ? this.#fork : undefined
  }

  /** Tells the attempts of these claims to stop. Claims that have not started are settled without a call. */
  revoke(claims: ReadonlyArray<Claim>): void {
    if (claims.length === 0) return
    const tokens = new Set(claims.map(({ token }) => token))
    for (const attempt of this.attempts.withTokens(tokens)) this.attempts.revoke(attempt)
    this.#drop(({ token }) => tokens.has(token), STOPPED)
  }

  /** Tells all attempts to stop. `outcome` is for waiting claims, and for attempts without a `stopOutcome`. */
  revokeAll(outcome: Outcome): void {
    this.#drop(() => true, outcome)
    for (const attempt of this.attempts.values()) {
      attempt.stopOutcome ??= outcome
      this.attempts.revoke(attempt)
    }
    this.#onEnd()
  }

  #drop(isDropped: (claim: Claim) => boolean, outcome: Outcome): void {
    const kept: Array<Claim> = []
    for (const claim of this.#claims) {
      if (isDropped(claim)) this.#settle(claim, outcome)
      else kept.push(claim)
    }
    if (kept.length === this.#claims.length) return
    this.#claims = kept
    this.#onEnd()
  }

  #isTurnOver(): boolean {
    return this.nowMillis() - this.#turnAtMillis > TURN_MILLIS
  }

  readonly #yield: Effect.Effect<void> = Effect.flatMap(Effect.yieldNow, () =>
    Effect.sync(() => {
      this.#turnAtMillis = this.nowMillis()
    })
  )

  #start(claim: Claim): void {
    const stepCodec = this.#stepCodecs.find(claim)
    if (stepCodec === undefined) {
      this.#settle(claim, { _tag: "Released", reason: "its worker does not know this version of the pipeline" })
      return
    }
    if (claim.phase === "run") {
      const attempt = new Attempt(claim, stepCodec, this)
      attempt.span = this.#tracing?.begin("levada.step", spanOf(claim))
      this.#run(attempt)
    } else {
      const outcome = (): Outcome =>
        claim.phase === "probe"
          ? probe(stepCodec, claim)
          : ItemUnits.expand(stepCodec, claim.values, MAX_EXPANSION * this.maxValueBytes)
      this.#settle(claim, catchDefect(claim, outcome))
    }
  }

  /**
   * Calls the task for one item after the other, until it returns a Promise or an Effect, or all items are done. To
   * continue after one has `ended`, pass `outcomeOf`, which makes its outcome.
   */
  #run<A>(attempt: Attempt, outcomeOf?: (this: Attempt, ended: A) => Outcome, ended?: A): void {
    let outcome: Outcome | undefined
    try {
      if (outcomeOf !== undefined) outcome = attempt.takeOutcome(outcomeOf.call(attempt, ended as A))
      while (outcome === undefined) {
        if (attempt.indexInUnit > 0 && this.#isTurnOver()) {
          this.#track(attempt)
          this.#unfinished.push(attempt)
          return
        }
        const result = attempt.call()
        if ("outcome" in result) outcome = attempt.takeOutcome(result.outcome)
        else if (this.#awaits(attempt, result.returned)) return
        else outcome = attempt.takeOutcome(attempt.outcomeOfReturn(result.returned))
      }
    } catch (defect) {
      // A task may return an object that throws when it is read. Then the step fails.
      outcome = defectOutcome(attempt.claim, defect)
    }
    // Settle before removing: in between, the claim's lease would not be renewed.
    this.#settleAttempt(attempt, outcome)
    if (attempt.runningIndex !== -1) this.attempts.remove(attempt)
  }

  /** Adds an attempt that outlasts this call to the running attempts, so that it can be told to stop. */
  #track(attempt: Attempt): void {
    if (attempt.runningIndex === -1) this.attempts.add(attempt)
  }

  /** Waits for a returned Promise or Effect. Returns false for another value. */
  #awaits(attempt: Attempt, returned: unknown): boolean {
    const isEffect = Effect.isEffect(returned)
    if (!isEffect && !isPromiseLike(returned)) return false
    this.#track(attempt)
    if (isEffect) this.#effects.push({ attempt, effect: returned as Effect.Effect<unknown, unknown> })
    // A native Promise settles once and asynchronously; another thenable may not, so it is wrapped.
    else
      THEN.call(
        Promise.resolve(returned),
        (value) => this.#resume(attempt, attempt.outcomeOfReturn, value),
        (error) => this.#resume(attempt, attempt.outcomeOfError, error)
      )
    return true
  }

  /** Starts the Effects that tasks have returned. */
  readonly #fork: Effect.Effect<void> = Effect.suspend(() => {
    const effects = this.#effects
    this.#effects = []
    return Effect.forEach(
      effects,
      ({ attempt, effect }) =>
        Effect.map(this.#forked(attempt, within(attempt, effect)), (fiber) => {
          attempt.fiber = fiber
          if (attempt.isRevoked) fiber.interruptUnsafe()
          fiber.addObserver((exit) => this.#resume(attempt, attempt.outcomeOfExit, exit))
        }),
      { discard: true }
    )
  })

  #forked<A, E>(attempt: Attempt, effect: Effect.Effect<A, E>): Effect.Effect<Fiber.Fiber<A, E>> {
    return this.leaks === undefined
      ? Effect.forkDetach(effect, { startImmediately: true })
      : this.leaks.fork(attempt, effect)
  }

  /** Logs the messages, and removes them. */
  readonly writeLog: Effect.Effect<void> = Effect.suspend(() =>
    Effect.forEach(this.logMessages.splice(0), log, { discard: true })
  )

  // -- ending --------------------------------------------------------------------------------------------------------

  /** Continues an attempt whose Promise or Effect has ended. */
  #resume<A>(attempt: Attempt, outcomeOf: (this: Attempt, ended: A) => Outcome, ended: A): void {
    // The attempt was given up.
    if (attempt.runningIndex === -1) return
    if (attempt.isRevoked) this.#onStopped(attempt)
    else {
      this.#run(attempt, outcomeOf, ended)
      this.#onEnd()
    }
  }

  /** The attempt has stopped as told. */
  #onStopped(attempt: Attempt): void {
    this.stopped(attempt)
    this.attempts.remove(attempt)
  }

  #settleAttempt({ claim, span }: Attempt, outcome: Outcome): void {
    if (span !== undefined) {
      this.#tracing!.attribute(span, "levada.outcome", outcome._tag)
      this.#tracing!.end(span, spanErrorOf(outcome))
    }
    if (outcome._tag === "Failed" || outcome._tag === "Retried") {
      // Without the error, which may contain data of the run.
      const text = outcome._tag === "Failed" ? "failed" : `failed and is retried after ${outcome.waitMillis} ms`
      this.logMessages.push({ claim, level: "Debug", text })
    }
    this.#settle(claim, outcome)
  }
}

const log = ({ level, text, claim }: LogMessage): Effect.Effect<void> => {
  const { pipelineId: pipeline, runId: run, step, attempt } = claim
  const logging = Effect.logWithLevel(level)(`Step '${step}' of run '${run}' ${text}`)
  return Effect.annotateLogs(logging, { pipeline, run, step, attempt })
}

/** The beginning of an attempt's span. */
const spanOf = ({ runId, pipelineId, step, attempt, item, traceparent }: Claim): SpanStart => ({
  kind: "consumer",
  parent: parentOf(traceparent, runId),
  attributes: {
    "levada.pipeline": pipelineId,
    "levada.run": runId,
    "levada.step": step,
    "levada.attempt": attempt,
    "levada.item": item?.index
  }
})

const spanErrorOf = (outcome: Outcome): { readonly name: string; readonly message: string } | undefined => {
  if (outcome._tag === "Failed" || outcome._tag === "Retried") return outcome.error
  return outcome._tag === "Released" ? { name: "StepReleased", message: outcome.reason } : undefined
}

/** Makes the attempt's span the parent of the task's spans. */
const within = <A, E>({ span }: Attempt, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  span === undefined ? effect : Effect.withParentSpan(effect, span)
