/** Renews the leases of a worker's claims three times per lease time, as long as it has claims. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Batch from "../runtime/Batch.ts"
import type { Store } from "../store/Store.ts"
import type { Claim } from "../store/Work.ts"

/** The leases of one worker. */
export class LeaseKeeper {
  readonly #store: Store
  readonly #scope: Scope.Scope
  /** The claims to renew. */
  readonly #claims: () => ReadonlyArray<Claim>
  /** Called with the claims that the worker has lost. */
  readonly #lost: (claims: ReadonlyArray<Claim>) => void
  /** Claims whose renewal broke; each is logged once. */
  readonly #bad: WeakSet<Claim> = new WeakSet()
  /** Whether its fiber runs. The fiber ends once there are no claims. */
  isKeeping = false

  constructor(
    store: Store,
    scope: Scope.Scope,
    claims: () => ReadonlyArray<Claim>,
    lost: (claims: ReadonlyArray<Claim>) => void
  ) {
    this.#store = store
    this.#scope = scope
    this.#claims = claims
    this.#lost = lost
  }

  /** Starts the fiber, unless it runs. */
  readonly keep: Effect.Effect<void> = Effect.suspend(() => {
    if (this.isKeeping) return Effect.void
    this.isKeeping = true
    return Effect.asVoid(Effect.forkIn(this.#keep, this.#scope))
  })

  readonly #keep: Effect.Effect<void> = Effect.flatMap(
    Effect.suspend(() => Effect.sleep(this.#store.leaseMillis / 3)),
    () => {
      const claims = this.#claims()
      if (claims.length > 0) return Effect.andThen(this.#renew(claims), this.#keep)
      this.isKeeping = false
      return Effect.void
    }
  )

  #renew(claims: ReadonlyArray<Claim>): Effect.Effect<void> {
    const bad: Array<readonly [claim: Claim, defect: unknown]> = []
    const renewing = Effect.forEach(
      Batch.slices(claims),
      (slice) =>
        Effect.ignore(
          Batch.divided(
            slice,
            (part) => Effect.map(this.#store.renew(part), this.#lost),
            (claim, defect) => Effect.sync(() => bad.push([claim, defect]))
          )
        ),
      { discard: true }
    )
    return Effect.andThen(
      renewing,
      Effect.suspend(() => this.#log(bad.filter(([claim]) => !this.#bad.has(claim))))
    )
  }

  #log(bad: ReadonlyArray<readonly [claim: Claim, defect: unknown]>): Effect.Effect<void> {
    if (bad.length === 0) return Effect.void
    for (const [claim] of bad) this.#bad.add(claim)
    const [{ step, runId }, defect] = bad[0]!
    const what = `The Store broke while renewing the leases of ${bad.length} steps; the first is step '${step}' of run '${runId}'`
    return Effect.logError(what, defect)
  }
}
