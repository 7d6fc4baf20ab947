/** Calls the tasks of claims, one item after the other, and collects what comes of it. */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Registry } from "../registry/Registry.ts"
import { MAX_EXPANSION } from "../run/KeptItems.ts"
import type { TimerHeap } from "../runtime/TimerHeap.ts"
import { type Beginning, parentOf, type Tracing } from "../runtime/Tracing.ts"
import type { Claim, Note, Outcome } from "../store/Work.ts"
import type { Leaks } from "../task/Leaks.ts"
import { toMessage } from "../task/Log.ts"
import { isPromiseLike } from "../task/Returned.ts"
import { describe } from "../values/ErrorInfo.ts"
import { Attempt, type AttemptContext, broken, catchDefect } from "./Attempt.ts"
import * as ItemUnits from "./ItemUnits.ts"
import { probe } from "./Probe.ts"
import { type AttemptListener, RunningAttempts, STOP_MILLIS } from "./RunningAttempts.ts"
import { StepCodecs } from "./StepCodec.ts"

/** How long tasks that never wait may follow one another before everything else has its turn, in milliseconds. */
const TURN_MILLIS = 10

/** What comes of an attempt that was told to stop, where nothing else has: nothing, but that it has stopped. */
const STOPPED: Outcome = { _tag: "Released", reason: "it was told to stop" }

const { then: THEN } = Promise.prototype

/** Something to be said to the log about an attempt. */
export interface LogMessage {
  readonly claim: Claim
  readonly level: "Debug" | "Warn"
  readonly what: string
}

/** What calls need of their worker. */
export interface TaskCallsOptions {
  readonly registry: Registry
  readonly timers: TimerHeap
  readonly maxValueBytes: number
  /** For durations: it never goes back. */
  readonly nowMillis: () => number
  /** From 0 to 1. */
  readonly random: () => number
  readonly tracing: Tracing | undefined
  readonly leaks: Leaks | undefined
  /** Called with each outcome. */
  readonly settle: (claim: Claim, outcome: Outcome) => void
  readonly note: (note: Note) => void
  /** Called when something may have ended. */
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
  /** What is to be said to the log. */
  readonly logMessages: Array<LogMessage> = []
  readonly #stepCodecs: StepCodecs
  readonly #settle: (claim: Claim, outcome: Outcome) => void
  readonly #tracing: Tracing | undefined
  readonly #onEnd: () => void
  /** What is to be called next, and what is to go on with its next item. */
  #claims: Array<Claim> = []
  readonly #unfinished: Array<Attempt> = []
  /** Effects to be started. */
  #effects: Array<{ readonly attempt: Attempt; readonly effect: Effect.Effect<unknown, unknown> }> = []
  /** When everything else had its turn. */
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

  /** Whether something is to be called, started or logged. */
  get hasWork(): boolean {
    return this.logMessages.length > 0 || this.#effects.length > 0 || this.#hasCalls
  }

  /** How many claims are at work or are to be called. */
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

  // -- what attempts tell --------------------------------------------------------------------------------------------

  stopped(attempt: Attempt): void {
    this.#settleAttempt(attempt, attempt.stopOutcome ?? STOPPED)
    this.#onEnd()
  }

  stopIgnored(attempt: Attempt): void {
    const { claim, stepCodec } = attempt
    const message = `Task '${stepCodec.task.name}' ignores its signal: it still runs ${STOP_MILLIS} ms after it was told to stop. What it gives is dropped`
    this.note({ claim, line: { level: "warn", message } })
    this.logMessages.push({ claim, level: "Warn", what: "ignores its signal" })
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
      what: `leaked an error${when}, which task '${stepCodec.task.name}' has to handle`
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

  /** Calls what is to be called. Gives what has to happen before it goes on, if anything has. */
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

  /** Tells the attempts at these claims to stop; those that are still to be called are not. */
  revoke(claims: ReadonlyArray<Claim>): void {
    if (claims.length === 0) return
    const tokens = new Set(claims.map(({ token }) => token))
    for (const attempt of this.attempts.withTokens(tokens)) this.attempts.revoke(attempt)
    this.#drop(({ token }) => tokens.has(token), STOPPED)
  }

  /** Tells all attempts to stop; `instead` is what comes of them. */
  revokeAll(instead: Outcome): void {
    this.#drop(() => true, instead)
    for (const attempt of this.attempts.values()) {
      attempt.stopOutcome ??= instead
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
    const runner = this.#stepCodecs.find(claim)
    if (runner === undefined) {
      this.#settle(claim, { _tag: "Released", reason: "its worker does not know this version of the pipeline" })
      return
    }
    if (claim.phase === "run") {
      const attempt = new Attempt(claim, runner, this)
      attempt.span = this.#tracing?.begin("levada.step", spanOf(claim))
      this.#run(attempt)
    } else {
      const outcome = (): Outcome =>
        claim.phase === "probe"
          ? probe(runner, claim)
          : ItemUnits.expand(runner, claim.values, MAX_EXPANSION * this.maxValueBytes)
      this.#settle(claim, catchDefect(claim, outcome))
    }
  }

  /**
   * Calls the task, for one item after the other, until it has to be waited for or all is done. `outcomeOf` gives the
   * outcome of a call that was waited for and has `ended`.
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
      // What a task returns may be anything, also something that throws when it is looked at. That is the step's failure.
      outcome = broken(attempt.claim, defect)
    }
    // First what came of it: between the two, the claim would have no lease kept.
    this.#settleAttempt(attempt, outcome)
    if (attempt.runningIndex !== -1) this.attempts.remove(attempt)
  }

  /** It goes on for longer than this call: it can be told to stop. */
  #track(attempt: Attempt): void {
    if (attempt.runningIndex === -1) this.attempts.add(attempt)
  }

  /** Waits for what a task returned; false when there is nothing to wait for. */
  #awaits(attempt: Attempt, returned: unknown): boolean {
    const isEffect = Effect.isEffect(returned)
    if (!isEffect && !isPromiseLike(returned)) return false
    this.#track(attempt)
    if (isEffect) this.#effects.push({ attempt, effect: returned as Effect.Effect<unknown, unknown> })
    // A Promise of the language keeps its word: it ends once, and later. One with a `then` of its own may not.
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

  // -- ending --------------------------------------------------------------------------------------------------------

  /** What was waited for has ended. */
  #resume<A>(attempt: Attempt, outcomeOf: (this: Attempt, ended: A) => Outcome, ended: A): void {
    // Given up: nobody waits for it any more.
    if (attempt.runningIndex === -1) return
    if (attempt.isRevoked) this.#onStopped(attempt)
    else {
      this.#run(attempt, outcomeOf, ended)
      this.#onEnd()
    }
  }

  /** It has done as it was told. */
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
      // Not why: what a task says in its error is the run's to keep.
      const what = outcome._tag === "Failed" ? "failed" : `failed and is attempted again after ${outcome.waitMillis} ms`
      this.logMessages.push({ claim, level: "Debug", what })
    }
    this.#settle(claim, outcome)
  }
}

/** What is said of an attempt's span. */
const spanOf = ({ runId, pipelineId, step, attempt, item, traceparent }: Claim): Beginning => ({
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

/** What a task's own spans are children of. */
const within = <A, E>({ span }: Attempt, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  span === undefined ? effect : Effect.withParentSpan(effect, span)
