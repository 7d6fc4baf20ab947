/** The services that Operations and the worker need besides a Store: Levada's own, or the program's replacements. */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { Access } from "./access/Access.ts"
import * as Authorizer from "./access/Authorizer.ts"
import * as FailClosed from "./access/FailClosed.ts"
import * as Guard from "./access/Guard.ts"
import * as Registry from "./registry/Registry.ts"
import { Acls } from "./store/Acls.ts"
import { AuditLog } from "./store/AuditLog.ts"
import { RateLimiter } from "./store/RateLimiter.ts"
import type { Store } from "./store/Store.ts"
import * as StoreServices from "./store/StoreServices.ts"
import { Tokens } from "./store/Tokens.ts"
import type { PipelineExists } from "./values/Errors.ts"

/** The services that a program may replace. */
export type Replaceable =
  | Acls
  | AuditLog
  | Authorizer.Authorizer
  | Guard.Guard
  | RateLimiter
  | Registry.Registry
  | Tokens

/** Options of the services. */
export interface Options<Own = never, E = never> extends Registry.Options {
  /** `Access.open` or `Access.secured(…)`. There is no default. */
  readonly access: Access
  /**
   * Services that replace Levada's: any of `Store.RateLimiter`, `Store.AuditLog`, `Store.Acls`, `Store.Tokens`, `Authorizer`,
   * `Registry` and `Guard`. With open access, only the last two are used. A service that throws, or does not answer within
   * 5 seconds, lets no caller in. Default: none.
   */
  readonly overrides?: Layer.Layer<Own, E, Store>
}

/** The services besides the Store: the program's replacements, and Levada's own for the others. */
export const layer = <Own extends Replaceable = never, E = never>(
  options: Options<Own, E>
): Layer.Layer<Exclude<Replaceable, Authorizer.Authorizer>, PipelineExists | E, Store> => {
  const { access, pipelines } = options
  const overrides: Layer.Layer<Own, E, Store> | Layer.Layer<never> = options.overrides ?? Layer.empty
  return Layer.flatMap(overrides as Layer.Layer<Own, E, Store>, (built) => {
    const replaced = failClosed(built as Context.Context<unknown>)
    const replacements = Layer.succeedContext(replaced)
    /** Levada's own service, which is not built when the program replaces it. */
    const unlessReplaced = <A extends Replaceable, E2, R>(key: Context.Key<A, A>, standard: Layer.Layer<A, E2, R>) =>
      Option.isSome(Context.getOption(replaced, key)) ? replacements : standard

    const ids = pipelines.map(({ id }) => id)
    const authorizer = unlessReplaced(Authorizer.Authorizer, Authorizer.layer(access))
    const guard = Guard.layer(access, ids).pipe(Layer.provide(authorizer))
    return unlessReplaced(Guard.Guard, guard).pipe(
      Layer.provideMerge(unlessReplaced(Registry.Registry, Registry.layer(options))),
      Layer.provideMerge(Layer.provideMerge(replacements, StoreServices.layer))
    )
  })
}

/** The program's services, wrapped so that access stays closed when one of them fails. */
const failClosed = (built: Context.Context<unknown>): Context.Context<Replaceable> => {
  let services = Context.empty() as Context.Context<Replaceable>
  const add = <A extends Replaceable>(key: Context.Key<A, A>, wrap: (service: A) => A): void => {
    const service = Context.getOption(built, key)
    if (Option.isSome(service)) services = Context.add(services, key, wrap(service.value))
  }
  add(Acls, FailClosed.acls)
  add(AuditLog, FailClosed.auditLog)
  add(Authorizer.Authorizer, FailClosed.authorizer)
  add(Guard.Guard, FailClosed.guard)
  add(RateLimiter, FailClosed.rateLimiter)
  add(Registry.Registry, FailClosed.registry)
  add(Tokens, FailClosed.tokens)
  return services
}
