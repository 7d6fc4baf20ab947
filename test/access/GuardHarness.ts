/** Calls authenticators as the guard does, at a time that the test sets. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import type { Access, Authenticator, Pipeline, Principal } from "../../adapters/promise/index.ts"
import { Guard } from "../../core/access/Guard.ts"
import type { Registry } from "../../core/registry/Registry.ts"
import * as Services from "../../core/Services.ts"
import { layerMemory } from "../../core/StoreModule.ts"
import type { Store } from "../../core/store/Store.ts"

/** A visitor with these credentials. */
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

/** The result: the principal, or the tag and the message of the failure. */
export type Outcome = { readonly principal: Principal.Principal } | { readonly tag: string; readonly message: string }

/** A guard and a registry with a Store in memory, under virtual time that begins at 0. */
export const withGuard = <A, E>(
  access: Access.Access,
  body: (guard: Guard) => Effect.Effect<A, E, Store | Registry>,
  store: Layer.Layer<Store, unknown> = layerMemory(),
  pipelines: ReadonlyArray<Pipeline.Any> = []
): Promise<A> =>
  Effect.runPromise(
    Effect.flatMap(Guard, body).pipe(
      Effect.provide(
        Services.layer({ pipelines, access }).pipe(
          Layer.provideMerge(store),
          // The guard also logs each refusal, and here there are thousands.
          Layer.provideMerge(Layer.merge(TestClock.layer(), Logger.layer([])))
        )
      )
    )
  )

/** The guard's answer to a visitor. */
export const guardOutcome = (guard: Guard, shown: Partial<Principal.Visitor>): Effect.Effect<Outcome> =>
  Effect.match(guard.enter(visitor(shown), "read"), {
    onSuccess: ({ principal }): Outcome => ({ principal }),
    onFailure: ({ _tag, message }): Outcome => ({ tag: _tag, message })
  })

/** An authenticator's answer to a visitor, at a time in milliseconds since 1970. */
export const authenticatorOutcome = async (
  authenticator: Authenticator,
  shown: Partial<Principal.Visitor>,
  nowMillis = Date.now()
): Promise<Principal.Principal | string | undefined> => {
  const answer = authenticator.authenticate(visitor(shown), nowMillis)
  const effect = Effect.isEffect(answer) ? answer : Effect.promise(async () => answer)
  return Effect.runPromise(Effect.match(effect, { onSuccess: (principal) => principal, onFailure: ({ _tag }) => _tag }))
}
