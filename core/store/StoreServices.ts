/** The services that come from the Store unless a program replaces them. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Acls } from "./Acls.ts"
import { AuditLog } from "./AuditLog.ts"
import { RateLimiter } from "./RateLimiter.ts"
import { Store } from "./Store.ts"
import { Tokens } from "./Tokens.ts"

/** The rate limiter, the audit log, the ACLs and the tokens of the Store. */
export const layer: Layer.Layer<RateLimiter | AuditLog | Acls | Tokens, never, Store> = Layer.effectContext(
  Effect.map(Store, ({ limiter, audit, acls, tokens }) =>
    Context.make(RateLimiter, limiter).pipe(
      Context.add(AuditLog, audit),
      Context.add(Acls, acls),
      Context.add(Tokens, tokens)
    )
  )
)
