/** Asks authenticators, as the guard does, at a time of one's own. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import type { Access, Authenticator, Principal } from "../../adapters/promise/index.ts"
import * as GuardLayer from "../../core/access/Guard.ts"
import { Guard } from "../../core/access/Guard.ts"
import { layerMemory } from "../../core/StoreModule.ts"
import type { Store } from "../../core/store/Store.ts"

/** A visitor who shows this. */
export const visitor = (shown: Partial<Principal.Visitor> = {}): Principal.Visitor => ({
  address: "192.0.2.1",
  secure: true,
  requestId: "request",
  operation: "GET /test",
  apiKey: undefined,
  bearer: undefined,
  header: () => undefined,
  ...shown
})

/** What comes of a question: the principal, or the tag and the message of the failure. */
export type Heard = { readonly principal: Principal.Principal } | { readonly tag: string; readonly message: string }

/** A guard with a Store in memory, asked with virtual time that begins at 0. */
export const guarded = <A, E>(
  access: Access.Access,
  body: (guard: Guard) => Effect.Effect<A, E, Store>,
  store: Layer.Layer<Store, unknown> = layerMemory()
): Promise<A> =>
  Effect.runPromise(
    Effect.flatMap(Guard, body).pipe(
      Effect.provide(
        GuardLayer.layer(access).pipe(
          Layer.provideMerge(store),
          // What the guard refuses it also logs, and here it refuses thousands of times.
          Layer.provideMerge(Layer.merge(TestClock.layer(), Logger.layer([])))
        )
      )
    )
  )

/** What the guard says of a visitor. */
export const hear = (guard: Guard, shown: Partial<Principal.Visitor>): Effect.Effect<Heard> =>
  Effect.match(guard.enter(visitor(shown), "read"), {
    onSuccess: ({ principal }): Heard => ({ principal }),
    onFailure: ({ _tag, message }): Heard => ({ tag: _tag, message })
  })

/** What an authenticator says of a visitor, at a time in milliseconds since 1970. */
export const told = async (
  authenticator: Authenticator,
  shown: Partial<Principal.Visitor>,
  nowMillis = Date.now()
): Promise<Principal.Principal | string | undefined> => {
  const answer = authenticator.authenticate(visitor(shown), nowMillis)
  const effect = Effect.isEffect(answer) ? answer : Effect.promise(async () => answer)
  return Effect.runPromise(Effect.match(effect, { onSuccess: (principal) => principal, onFailure: ({ _tag }) => _tag }))
}
