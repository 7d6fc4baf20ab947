/** The types of the routes for Eden, Elysia's client. */
import type { CreateEden } from "elysia"
import type { Exchange, Exchanges } from "../http/docs/Contract.ts"
import type { ErrorJson, FailureStatus } from "../http/server/Failures.ts"
import type { VERSION_PREFIX } from "../http/server/Router.ts"

/** The type parameter `Routes` of an Elysia app with the plugin. */
export type EdenRoutes = RoutesUnder<""> & RoutesUnder<typeof VERSION_PREFIX>

type RoutesUnder<Prefix extends string> = UnionToIntersection<
  {
    [Key in Exclude<keyof Exchanges, "GET /">]: Key extends `${infer Method} ${infer Path}`
      ? CreateEden<`${Prefix}${ElysiaPath<Path>}`, { [M in Lowercase<Method>]: EdenRoute<Exchanges[Key], Path> }>
      : never
  }[Exclude<keyof Exchanges, "GET /">]
>

/** The type of one route for Eden. */
export interface EdenRoute<E extends Exchange, Path extends string> {
  body: E extends { readonly body: infer Body } ? Body : unknown
  params: { [Name in NamesOf<Path>]: string }
  query: E extends { readonly query: infer Query } ? Query : unknown
  headers: unknown
  response: Mutable<E["answers"]> & { [Status in Exclude<FailureStatus, keyof E["answers"]>]: ErrorJson }
}

type Mutable<A> = { -readonly [K in keyof A]: A[K] }

/** Converts `/pipelines/{pipeline_id}` to Elysia's form, `/pipelines/:pipeline_id`. */
type ElysiaPath<Path extends string> = Path extends `${infer Before}{${infer Name}}${infer After}`
  ? `${Before}:${Name}${ElysiaPath<After>}`
  : Path

type NamesOf<Path extends string> = Path extends `${string}{${infer Name}}${infer After}`
  ? Name | NamesOf<After>
  : never

type UnionToIntersection<Union> = (Union extends unknown ? (member: Union) => void : never) extends (
  all: infer All
) => void
  ? All
  : never
