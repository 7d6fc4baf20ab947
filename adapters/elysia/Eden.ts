/** The routes as Eden's types know them: what goes in and what comes out. */
import type { CreateEden } from "elysia"
import type { Exchange, Exchanges } from "../http/docs/Contract.ts"
import type { ErrorJson, FailureStatus } from "../http/server/Failures.ts"
import type { VERSION_PREFIX } from "../http/server/Router.ts"

/** The type parameter `Routes` of an Elysia app that has the plugin. */
export type EdenRoutes = Under<""> & Under<typeof VERSION_PREFIX>

type Under<Prefix extends string> = Together<
  {
    [Key in keyof Exchanges]: Key extends `${infer Method} ${infer Path}`
      ? CreateEden<`${Prefix}${Colons<Path>}`, { [M in Lowercase<Method>]: EdenRoute<Exchanges[Key], Path> }>
      : never
  }[keyof Exchanges]
>

/** A route as Eden's types know it. */
export interface EdenRoute<E extends Exchange, Path extends string> {
  body: E extends { readonly body: infer Body } ? Body : unknown
  params: { [Name in NamesOf<Path>]: string }
  query: E extends { readonly query: infer Query } ? Query : unknown
  headers: unknown
  response: Mutable<E["answers"]> & { [Status in Exclude<FailureStatus, keyof E["answers"]>]: ErrorJson }
}

type Mutable<A> = { -readonly [K in keyof A]: A[K] }

/** `/pipelines/{pipeline_id}` as Elysia writes it: `/pipelines/:pipeline_id`. */
type Colons<Path extends string> = Path extends `${infer Before}{${infer Name}}${infer After}`
  ? `${Before}:${Name}${Colons<After>}`
  : Path

type NamesOf<Path extends string> = Path extends `${string}{${infer Name}}${infer After}`
  ? Name | NamesOf<After>
  : never

type Together<Union> = (Union extends unknown ? (member: Union) => void : never) extends (all: infer All) => void
  ? All
  : never
