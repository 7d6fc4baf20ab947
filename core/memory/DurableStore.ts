/** A Store in memory over a journal. Every answer waits until the changes before it are committed. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ScheduleStore } from "../store/ScheduleStore.ts"
import type { Store } from "../store/Store.ts"
import * as StoreBounds from "../store/StoreBounds.ts"
import type { Claim, Settlement } from "../store/Work.ts"
import { type InvalidOption, StoreUnavailable } from "../values/Errors.ts"
import * as JournaledMemory from "./JournaledMemory.ts"
import type { Journal } from "./journal/Journal.ts"
import { toUnavailable } from "./Recorder.ts"

/** How long after a commit that failed the journal is asked again whether it can be written, in milliseconds. */
const PROBE_MILLIS = 500

/** How long a worker may take to renew its leases and to stop attempts, in milliseconds. */
const MARGIN_MILLIS = 1_000

const CLOSED = new StoreUnavailable("The Store is closed: the program is shutting down")

const released = (claim: Claim): Settlement => ({
  claim,
  outcome: { _tag: "Released", reason: "its worker was interrupted" }
})

/** The Store in memory, from one load of the journal to the next. */
interface Generation {
  readonly memory: JournaledMemory.JournaledMemory
  readonly scope: Scope.Closeable
}

/**
 * Makes a Store that continues a journal. `isLoss`: whether the process that had the journal before ended without closing it.
 * When the scope closes, unfinished runs stay in the journal.
 */
export const make = (
  options: StoreBounds.MemoryBounds,
  journal: Journal,
  isLoss: boolean
): Effect.Effect<Store, InvalidOption | StoreUnavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const mistake = StoreBounds.invalid(options)
    if (mistake !== undefined) return yield* mistake
    const store = new DurableStore(StoreBounds.complete(options), journal)
    yield* Effect.acquireRelease(store.open(isLoss), () => store.close)
    yield* Effect.forkScoped(store.recovering)
    return store
  })

type Asked<A, E> = Effect.Effect<A, E | StoreUnavailable>

class DurableStore implements Store {
  readonly leaseMillis: number
  readonly maxValueBytes: number
  readonly #bounds: Required<StoreBounds.MemoryBounds>
  readonly #journal: Journal
  /** Why no call is answered, as long as the Store is not loaded. */
  #current: Generation | StoreUnavailable = CLOSED

  constructor(bounds: Required<StoreBounds.MemoryBounds>, journal: Journal) {
    this.#bounds = bounds
    this.#journal = journal
    this.leaseMillis = bounds.leaseMillis
    this.maxValueBytes = bounds.maxValueBytes
  }

  // -- generations ---------------------------------------------------------------------------------------------------

  /** Loads the journal. */
  open(isLoss: boolean): Effect.Effect<void, StoreUnavailable> {
    return Effect.uninterruptible(
      Effect.gen({ self: this }, function* () {
        const scope = yield* Scope.make()
        const loading = Effect.gen({ self: this }, function* () {
          const memory = yield* JournaledMemory.make(this.#bounds, this.#journal)
          yield* Effect.try({ try: () => memory.continue(isLoss), catch: toUnavailable })
          yield* memory.recorder.commit
          yield* Effect.forkIn(memory.recorder.running, scope)
          yield* Effect.forkIn(memory.retaining, scope)
          if (this.#heldMillis > 0) {
            yield* Effect.forkIn(memory.hold(this.#heldMillis), scope, { startImmediately: true })
            this.#heldMillis = 0
          }
          this.#current = { memory, scope }
        }).pipe(Scope.provide(scope))
        yield* Effect.onError(loading, () => Scope.close(scope, Exit.void))
      })
    )
  }

  /** Loads the journal again after each commit that fails, as soon as it can be written. */
  readonly recovering: Effect.Effect<never> = Effect.suspend(() => {
    const current = this.#current
    if (current instanceof StoreUnavailable) {
      const again = Effect.andThen(
        Effect.try({ try: () => this.#journal.probe(), catch: toUnavailable }),
        this.open(false)
      )
      const tried = Effect.catch(again, (failure) =>
        Effect.sync(() => {
          this.#current = failure
        })
      )
      return Effect.andThen(Effect.andThen(Effect.sleep(PROBE_MILLIS), tried), this.recovering)
    }
    return Effect.andThen(
      Effect.catch(current.memory.recorder.broken, () => this.#abandon(current)),
      this.recovering
    )
  })

  /** How long nothing is granted after the next load, in milliseconds. */
  #heldMillis = 0

  #abandon({ memory, scope }: Generation): Effect.Effect<void> {
    const abandoning = Effect.suspend(() => {
      const failure = memory.recorder.failure!
      // Until then each worker has renewed its leases, has learnt that they are gone, and has stopped their attempts.
      if (memory.isWorking) this.#heldMillis = this.leaseMillis / 3 + MARGIN_MILLIS
      this.#current = failure
      // Every waiting call fails with it.
      memory.giveUp()
      return Effect.andThen(
        Effect.logError(`The Store answers no call until its changes can be recorded again: ${failure.message}`),
        Scope.close(scope, Exit.void)
      )
    })
    return Effect.uninterruptible(abandoning)
  }

  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    const current = this.#current
    if (current instanceof StoreUnavailable) return Effect.void
    const { memory, scope } = current
    // No call changes anything after this. Callers that wait go on at once, and may call again.
    this.#current = CLOSED
    memory.giveUp()
    return Effect.ignore(memory.recorder.commit).pipe(
      Effect.andThen(Effect.sync(() => memory.recorder.fail(CLOSED))),
      Effect.andThen(Scope.close(scope, Exit.void))
    )
  })

  /**
   * Asks the Store in memory, and holds its answer back until all changes are committed, unless the answer reveals no
   * change. `claimsOf`: the claims of an answer. They are released when the caller is interrupted meanwhile.
   */
  #ask<A, E>(
    ask: (memory: JournaledMemory.JournaledMemory) => Effect.Effect<A, E>,
    claimsOf?: (answer: A) => ReadonlyArray<Claim>,
    tellsNothing?: (answer: A) => boolean
  ): Asked<A, E> {
    return Effect.uninterruptibleMask((restore) => {
      const current = this.#current
      if (current instanceof StoreUnavailable) return Effect.fail(current)
      const { memory } = current
      const asking: Asked<A, E> = Effect.catchDefect(ask(memory), (defect) =>
        // The journal could not be read.
        defect instanceof StoreUnavailable ? Effect.fail(defect) : Effect.die(defect)
      )
      return Effect.flatMap(Effect.exit(restore(asking)), (exit) => {
        const { recorder } = memory
        if (recorder.failure === undefined && Exit.isSuccess(exit) && tellsNothing?.(exit.value) === true) return exit
        const answering: Asked<A, E> = Effect.andThen(recorder.committed, exit)
        if (claimsOf === undefined) return answering
        return Effect.tap(answering, (answer) =>
          Effect.onInterrupt(restore(Effect.void), () => memory.settle(claimsOf(answer).map(released)))
        )
      })
    })
  }

  /** A stream of committed changes. It fails when a commit fails, because the Store in memory is then given up. */
  #stream<A, E>(
    open: (memory: JournaledMemory.JournaledMemory) => Stream.Stream<A, E>
  ): Stream.Stream<A, E | StoreUnavailable> {
    return Stream.suspend(() => {
      const current = this.#current
      if (current instanceof StoreUnavailable) return Stream.fail(current)
      return untilBroken(open(current.memory), current.memory)
    })
  }

  // -- runs ----------------------------------------------------------------------------------------------------------

  submit: Store["submit"] = (run) => this.#ask((memory) => memory.submit(run))
  cancel: Store["cancel"] = (runId, reason) => this.#ask((memory) => memory.cancel(runId, reason))
  cancelStep: Store["cancelStep"] = (runId, step, reason) =>
    this.#ask((memory) => memory.cancelStep(runId, step, reason))
  remove: Store["remove"] = (runId) => this.#ask((memory) => memory.remove(runId))
  pause: Store["pause"] = (pipelineId) => this.#ask((memory) => memory.pause(pipelineId))
  resume: Store["resume"] = (pipelineId) => this.#ask((memory) => memory.resume(pipelineId))
  paused: Store["paused"] = this.#ask((memory) => memory.paused)
  get: Store["get"] = (runId) => this.#ask((memory) => memory.get(runId))
  pipelineOf: Store["pipelineOf"] = (runId) => this.#ask((memory) => memory.pipelineOf(runId))
  outline: Store["outline"] = (runId) => this.#ask((memory) => memory.outline(runId))
  value: Store["value"] = (runId, name) => this.#ask((memory) => memory.value(runId, name))
  items: Store["items"] = (request) => this.#ask((memory) => memory.items(request))
  lines: Store["lines"] = (runId) => this.#ask((memory) => memory.lines(runId))
  wait: Store["wait"] = (runId) => this.#ask((memory) => memory.wait(runId))
  list: Store["list"] = (request) => this.#ask((memory) => memory.list(request))
  watch: Store["watch"] = (runId, after) => this.#stream((memory) => memory.watch(runId, after))
  feed: Store["feed"] = (request) =>
    this.#ask((memory) => Effect.map(memory.feed(request), (items) => untilBroken(items, memory)))

  // -- work ----------------------------------------------------------------------------------------------------------

  // A worker that stops waiting for work has outcomes to settle: these then are a part of the next commit.
  claim: Store["claim"] = (request) =>
    this.#ask(
      (memory) => memory.claim(request),
      (claims) => claims,
      (claims) => claims.length === 0
    )
  renew: Store["renew"] = (claims) => this.#ask((memory) => memory.renew(claims))
  settle: Store["settle"] = (settlements, request) =>
    this.#ask(
      (memory) => memory.settle(settlements, request),
      ({ claims }) => claims
    )
  note: Store["note"] = (notes) => this.#ask((memory) => memory.note(notes))
  revoked: Store["revoked"] = (worker) =>
    this.#stream((memory) => Stream.tap(memory.revoked(worker), () => memory.recorder.committed))

  // -- the rest ------------------------------------------------------------------------------------------------------

  schedules: ScheduleStore = {
    put: (schedule, replace) => this.#ask(({ schedules }) => schedules.put(schedule, replace)),
    get: (id) => this.#ask(({ schedules }) => schedules.get(id)),
    list: this.#ask(({ schedules }) => schedules.list),
    remove: (id) => this.#ask(({ schedules }) => schedules.remove(id)),
    pause: (id) => this.#ask(({ schedules }) => schedules.pause(id)),
    resume: (id, nextAtMillis) => this.#ask(({ schedules }) => schedules.resume(id, nextAtMillis)),
    due: (takesAfter) =>
      this.#ask(({ schedules, recorder }) => Effect.raceFirst(schedules.due(takesAfter), recorder.broken)),
    fire: (firing) => this.#ask(({ schedules }) => schedules.fire(firing))
  }
  definitions: Store["definitions"] = {
    get: (id) => this.#ask(({ definitions }) => definitions.get(id)),
    list: this.#ask(({ definitions }) => definitions.list),
    put: (definition) => this.#ask(({ definitions }) => definitions.put(definition)),
    remove: (id) => this.#ask(({ definitions }) => definitions.remove(id)),
    changed: Effect.never
  }
  acls: Store["acls"] = {
    list: this.#ask(({ acls }) => acls.list),
    put: (pipelineId, acl) => this.#ask(({ acls }) => acls.put(pipelineId, acl)),
    remove: (pipelineId) => this.#ask(({ acls }) => acls.remove(pipelineId)),
    changed: Effect.never
  }
  tokens: Store["tokens"] = {
    put: (digest, principal, ttlMillis) => this.#ask(({ tokens }) => tokens.put(digest, principal, ttlMillis)),
    get: (digest) => this.#ask(({ tokens }) => tokens.get(digest))
  }
  audit: Store["audit"] = {
    append: (record) => this.#ask(({ audit }) => audit.append(record)),
    list: (request) => this.#ask(({ audit }) => audit.list(request))
  }
  /** Permits are forgotten when the process ends: their periods are short. */
  limiter: Store["limiter"] = {
    take: (key, rate) => this.#ask(({ limiter }) => limiter.take(key, rate))
  }
  load: Store["load"] = this.#ask((memory) => memory.load)
  workers: Store["workers"] = this.#ask((memory) => memory.workers)
  now: Store["now"] = this.#ask((memory) => memory.now)
  ping: Store["ping"] = this.#ask((memory) => memory.ping)
  drain: Store["drain"] = Effect.void
}

/** Ends a stream with a failure when its Store is abandoned, or the journal can't be read. */
const untilBroken = <A, E>(
  stream: Stream.Stream<A, E>,
  { recorder }: JournaledMemory.JournaledMemory
): Stream.Stream<A, E | StoreUnavailable> =>
  Stream.interruptWhen(
    Stream.catchDefect(stream, (defect) =>
      defect instanceof StoreUnavailable ? Stream.fail(defect) : Stream.die(defect)
    ),
    recorder.broken
  )
