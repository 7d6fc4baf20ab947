/** A Levada with services in the place of its own, and what a visitor sees of it. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { Tokens } from "../../../adapters/keys/index.ts"
import { Access, Levada, Operations, Pipeline, Principal, Store, Task } from "../../../adapters/promise/index.ts"
import { visitor } from "../../access/GuardHarness.ts"

const N = Schema.Number
const double = Task.make("double", { input: { n: N }, output: { m: N }, run: ({ n }) => ({ m: 2 * n }) })
export const pipeline = Pipeline.make("p", [double])
export const other = Pipeline.make("other", [double])

export const ALL = { pipelines: ["*"], permissions: Principal.PERMISSIONS } as const
export const access = Access.secured({
  authenticators: [
    {
      scheme: "Test",
      authenticate: ({ apiKey }) => (apiKey === undefined ? undefined : { id: apiKey, roles: [], grants: [ALL] })
    }
  ],
  limits: { read: "100/minute" },
  tokens: Tokens.make()
})

/** Services in the place of Levada's. */
export type Overrides = Layer.Layer<never, never, Store.Store>

/** Asks a Levada with these services in the place of its own. */
export const asking = <A, E>(
  overrides: Overrides,
  ask: (operations: Operations.Operations) => Effect.Effect<A, E>,
  more: Partial<Levada.LayerOptions<readonly []>> = {}
): Effect.Effect<A, unknown> =>
  Operations.Operations.use(ask).pipe(
    Effect.provide(
      Levada.layer({ pipelines: [pipeline], access, worker: { graceMillis: 0 }, ...more, overrides }).pipe(
        Layer.provide([Store.layerMemory(), Logger.layer([])])
      )
    )
  )

export const enter = (operations: Operations.Operations, shown: Partial<Principal.Visitor> = { apiKey: "ada" }) =>
  operations.enter(visitor(shown), "read")

/** Whether a visitor may look at a pipeline; the tag of the failure where it may not. */
export const looking = (shown?: Partial<Principal.Visitor>) => (operations: Operations.Operations) =>
  Effect.match(
    Effect.flatMap(enter(operations, shown), (caller) => operations.pipeline(caller, "p")),
    { onSuccess: () => "allowed", onFailure: ({ _tag }) => _tag }
  )
