/** Outcomes to settle. An outcome leaves the queue when the Store has answered. */
import * as Effect from "effect/Effect"
import * as Batch from "../runtime/Batch.ts"
import type { Tracing } from "../runtime/Tracing.ts"
import type { Store } from "../store/Store.ts"
import type { Claim, ClaimRequest, Outcome, Settled, Settlement } from "../store/Work.ts"
import * as Bytes from "../values/Bytes.ts"
import { describe, type ErrorInfo } from "../values/ErrorInfo.ts"
import type { StoreUnavailable } from "../values/Errors.ts"

/** Bytes of an outcome without its values. */
const OUTCOME_BYTES = 200

/** The outcomes of one worker, in order. */
export class OutcomeQueue {
  readonly #store: Store
  readonly #worker: string
  readonly #tracing: Tracing | undefined
  /** The claim request to send along with the last batch. */
  readonly #request: () => ClaimRequest | undefined
  #waiting: Array<Settlement> = []
  #offered: Array<Settlement> = []

  constructor(store: Store, worker: string, request: () => ClaimRequest | undefined, tracing: Tracing | undefined) {
    this.#store = store
    this.#worker = worker
    this.#request = request
    this.#tracing = tracing
  }

  /** Whether no outcome waits to be offered. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  /** How many outcomes wait for the Store's answer or to be offered. */
  get size(): number {
    return this.#waiting.length + this.#offered.length
  }

  /** The claims of these outcomes: their leases must last until the Store has answered. */
  get claims(): ReadonlyArray<Claim> {
    return [...this.#offered, ...this.#waiting].map(({ claim }) => claim)
  }

  add(claim: Claim, outcome: Outcome): void {
    this.#waiting.push({ claim, outcome })
  }

  /** Settles the next batch. Then call `accepted`; `requeue` if the Store was unavailable; `divide` after a defect. */
  readonly offer: Effect.Effect<Settled, StoreUnavailable> = Effect.suspend(() => {
    const batch = this.#take()
    const settling = this.#store.settle(batch, this.#waiting.length === 0 ? this.#request() : undefined)
    return this.#tracing === undefined ? settling : this.#traced(this.#tracing, batch, settling)
  })

  /** The Store has accepted the batch: removes it. */
  accepted(): void {
    this.#offered.length = 0
  }

  /** The Store was unavailable: offers the batch again, before later outcomes. */
  requeue(): void {
    this.#waiting = [...this.#offered, ...this.#waiting]
    this.#offered.length = 0
  }

  /**
   * Settles a batch that caused a defect in smaller and smaller parts. A single outcome that still causes one is
   * replaced by a failure; if that does too, the outcome is dropped and its lease expires. Returns whether the Store
   * accepted any.
   */
  readonly divide: Effect.Effect<boolean, StoreUnavailable> = Effect.suspend(() => {
    const batch = this.#offered
    const bad: Array<readonly [claim: Claim, defect: unknown]> = []
    let dropped = 0
    const dividing = Batch.divided(
      batch,
      // Without a claim request: the work that it would grant may be the cause of the defect.
      (part) => this.#store.settle(part),
      ({ claim }, defect) =>
        Effect.suspend(() => {
          bad.push([claim, defect])
          return Effect.catchDefect(this.#store.settle([{ claim, outcome: unrecorded(claim, defect) }]), () =>
            Effect.sync(() => dropped++)
          )
        })
    )
    return Effect.ensuring(
      Effect.map(dividing, () => dropped < batch.length),
      Effect.suspend(() => logFailures(bad, dropped))
    )
  })

  #take(): ReadonlyArray<Settlement> {
    const count = Batch.first(this.#waiting, bytesOf)
    if (count < this.#waiting.length) this.#offered = this.#waiting.splice(0, count)
    else {
      const emptied = this.#offered
      this.#offered = this.#waiting
      this.#waiting = emptied
    }
    return this.#offered
  }

  #traced(
    tracing: Tracing,
    batch: ReadonlyArray<Settlement>,
    settling: Effect.Effect<Settled, StoreUnavailable>
  ): Effect.Effect<Settled, StoreUnavailable> {
    const links = batch.map(({ claim }) => claim.traceparent)
    const attributes = { "levada.worker": this.#worker, "levada.settled": batch.length }
    const span = tracing.begin("levada.settle", { links, attributes })
    return tracing.around(
      span,
      Effect.tap(settling, ({ claims, refused }) =>
        Effect.sync(() => {
          tracing.attribute(span, "levada.claimed", claims.length)
          tracing.attribute(span, "levada.refused", refused.length)
        })
      )
    )
  }
}

const bytesOf = ({ outcome }: Settlement): number => {
  let bytes = OUTCOME_BYTES
  switch (outcome._tag) {
    case "Completed":
      for (const name of Object.keys(outcome.outputs)) bytes += Bytes.ofText(outcome.outputs[name]!)
      for (const error of outcome.failed?.errors ?? NONE) bytes += bytesOfError(error)
      return bytes
    case "Failed":
    case "Retried":
      return bytes + bytesOfError(outcome.error)
    case "Probed":
      return outcome.memo === undefined ? bytes : bytes + Bytes.ofText(outcome.memo.text)
    case "Expanded":
      for (const unit of outcome.units) bytes += Bytes.ofText(unit)
      return bytes
    case "Released":
      return bytes
  }
}

const NONE: ReadonlyArray<ErrorInfo> = []

const bytesOfError = ({ name, message, stack = "", cause }: ErrorInfo): number =>
  Bytes.ofText(name) + Bytes.ofText(message) + Bytes.ofText(stack) + (cause === undefined ? 0 : bytesOfError(cause))

/** Replaces an outcome that the Store could not record. */
const unrecorded = ({ step }: Claim, defect: unknown): Outcome => {
  const message = `The Store could not record the outcome of step '${step}'`
  return { _tag: "Failed", error: { name: "Defect", message, step, cause: describe(defect) } }
}

const logFailures = (
  bad: ReadonlyArray<readonly [claim: Claim, defect: unknown]>,
  dropped: number
): Effect.Effect<void> => {
  if (bad.length === 0) return Effect.void
  const [{ step, runId }, defect] = bad[0]!
  const failed = bad.length - dropped
  const what = `The Store threw an unexpected error while settling ${bad.length} outcomes: ${failed} were recorded as failures, ${dropped} were lost, and their steps run again when their leases expire; the first is from step '${step}' of run '${runId}'`
  return Effect.logError(what, defect)
}
