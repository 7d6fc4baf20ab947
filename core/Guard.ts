/** The one place that says whether a caller may do a thing. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type { Access } from "./Access.ts"
import type { Caller, Permission, Principal } from "./Principal.ts"

/** Says who a caller is, provided that they have the permission, on the pipeline when one is named. */
export interface Guard {
  readonly check: (caller: Caller, permission: Permission, pipelineId?: string) => Effect.Effect<Principal>
}

/** The key of the Guard service. */
export const Guard: Context.Service<Guard, Guard> = Context.Service<Guard>("levada/Guard")

/** The guard first. Where it has its answer at once, so may what follows: no fiber has to be started for either. */
export const after = <A, E, E2>(
  check: Effect.Effect<unknown, E2>,
  next: () => Effect.Effect<A, E>
): Effect.Effect<A, E | E2> => (Exit.isExit(check) && Exit.isSuccess(check) ? next() : Effect.flatMap(check, next))

const everybody: Effect.Effect<Principal> = Effect.succeed({ id: "anonymous" })

/** The guard of an access choice. */
export const layer = (access: Access): Layer.Layer<Guard> => {
  switch (access._tag) {
    case "Open":
      return Layer.succeed(Guard, { check: () => everybody })
  }
}
