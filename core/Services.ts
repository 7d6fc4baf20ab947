/** The services that Operations and the worker are built from: Levada's, or those of the program in their place. */
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

/** The services that a program may replace with its own. */
export type Replaceable =
  | Acls
  | AuditLog
  | Authorizer.Authorizer
  | Guard.Guard
  | RateLimiter
  | Registry.Registry
  | Tokens

/** What the services are made from. */
export interface Options<Own = never, E = never> extends Registry.Options {
  /** Who gets in. There is no default. */
  readonly access: Access
  /**
   * Services that take the place of Levada's: any of `Store.RateLimiter`, `Store.AuditLog`, `Store.Acls`, `Store.Tokens`,
   * `Authorizer`, `Registry` and `Guard`. Where access is open, only the last two are asked. One that throws, or does not
   * answer within 5 seconds, lets nobody in. Default: none.
   */
  readonly overrides?: Layer.Layer<Own, E, Store>
}

/** What Operations and the worker are built from, besides the Store: the program's services, and Levada's where it has none. */
export const layer = <Own extends Replaceable = never, E = never>(
  options: Options<Own, E>
): Layer.Layer<Exclude<Replaceable, Authorizer.Authorizer>, PipelineExists | E, Store> => {
  const { access, pipelines } = options
  const own: Layer.Layer<Own, E, Store> | Layer.Layer<never> = options.overrides ?? Layer.empty
  return Layer.flatMap(own as Layer.Layer<Own, E, Store>, (given) => {
    const replaced = closed(given as Context.Context<unknown>)
    const replacements = Layer.succeedContext(replaced)
    /** Levada's service is not even built where the program has its own. */
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

/** The program's services, so that access stays closed when one of them fails. */
const closed = (given: Context.Context<unknown>): Context.Context<Replaceable> => {
  let services = Context.empty() as Context.Context<Replaceable>
  const close = <A extends Replaceable>(key: Context.Key<A, A>, closing: (service: A) => A): void => {
    const service = Context.getOption(given, key)
    if (Option.isSome(service)) services = Context.add(services, key, closing(service.value))
  }
  close(Acls, FailClosed.acls)
  close(AuditLog, FailClosed.auditLog)
  close(Authorizer.Authorizer, FailClosed.authorizer)
  close(Guard.Guard, FailClosed.guard)
  close(RateLimiter, FailClosed.rateLimiter)
  close(Registry.Registry, FailClosed.registry)
  close(Tokens, FailClosed.tokens)
  return services
}
