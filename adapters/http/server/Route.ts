/** A route: its method and path, the permission that it needs, and the function that answers. */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type { EntryError } from "../../../core/access/Guard.ts"
import type { Request } from "../../../core/access/Permit.ts"
import type { Operations } from "../../../core/operations/Operations.ts"
import type { Caller, Permission } from "../../../core/values/Principal.ts"
import type { BadRequest, Failure } from "./Failures.ts"
import type { Credentials } from "./HttpVisitor.ts"
import type { HttpReply, HttpRequest } from "./Message.ts"
import type { RequestMetrics } from "./RequestMetrics.ts"
import type { Streams } from "./Streams.ts"

/** What routes share within one server. */
export interface ServerContext {
  readonly routes: ReadonlyArray<Route>
  readonly streams: Streams
  readonly requests: RequestMetrics
  /** Whether callers must authenticate. */
  readonly isSecured: boolean
  /** Authenticates the request to the route `key`, with its own credentials or with `credentials` instead. */
  readonly enter: (
    call: Pick<Call, "request" | "requestId">,
    key: string,
    credentials?: Credentials
  ) => Effect.Effect<Caller, EntryError>
  /** The caller of a public route; `nobody` without valid credentials. Callers with credentials may see more there. */
  readonly identify: (call: Pick<Call, "request" | "requestId" | "caller">, key: string) => Effect.Effect<Caller>
  /** The address or network that limits count a request under; undefined if the server does not know the address. */
  readonly ownerOf: (request: HttpRequest) => string | undefined
  readonly run: <A, E>(effect: Effect.Effect<A, E>) => Promise<Exit.Exit<A, E>>
  readonly nowMillis: () => number
}

/** One request to a route. */
export interface Call {
  readonly operations: Operations
  readonly route: Route
  /** `nobody` on a public route. */
  readonly caller: Caller
  /** The values of the path's `{names}`, decoded. */
  readonly params: Readonly<Record<string, string>>
  /** Parsed JSON; an empty object if the route takes no body or the request has none. */
  readonly body: unknown
  readonly request: HttpRequest
  readonly requestId: string
  readonly nowMillis: number
  readonly server: ServerContext
}

/** One row of the table of routes. */
export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "DELETE"
  /** A segment in braces matches any one segment. */
  readonly path: string
  /** `METHOD /path`: the route's name in documentation and in the audit log. */
  readonly key: string
  /**
   * The permission that the caller needs; the operation checks it. `any`: every authenticated caller, counted as `read`.
   * `none`: a public route, callers need not authenticate.
   */
  readonly permission: Permission | "any" | "none"
  /** One sentence for the API's documentation. */
  readonly summary: string
  readonly hasBody: boolean
  /** The object of the request, if it is not an existing pipeline, run or schedule. */
  readonly about?: Request["about"]
  /** Whether the answer is a stream. Browsers cannot set headers for those, so the query may hold a token for one pipeline or run. */
  readonly isStream: boolean
  /** Whether the answer has a secret. It is never compressed: the length would tell something about the secret (BREACH). */
  readonly hasSecret?: boolean
  /** Whether the path also matches with a slash at its end, because it is the path of a page. */
  readonly isPage?: boolean
  readonly answer: (call: Call) => Effect.Effect<HttpReply, Failure>
}

/** Makes a constructor for routes of one method. */
const route =
  (method: Route["method"], hasBody = false) =>
  (path: string, permission: Route["permission"], summary: string, answer: Route["answer"]): Route => ({
    method,
    path,
    key: `${method} ${path}`,
    permission,
    summary,
    hasBody,
    isStream: false,
    answer
  })

/** A GET route. */
export const get: ReturnType<typeof route> = route("GET")

/** A GET route that answers a stream. */
export const stream = (...of: Parameters<typeof get>): Route => ({ ...get(...of), isStream: true })

/** A POST route with a body. */
export const post: ReturnType<typeof route> = route("POST", true)

/** A PUT route. */
export const put: ReturnType<typeof route> = route("PUT", true)

/** A POST route without a body. */
export const act: ReturnType<typeof route> = route("POST")

/** A DELETE route. */
export const remove: ReturnType<typeof route> = route("DELETE")

/** Sets the `about` of a route: a list, the whole server, or an object that does not exist yet. */
export const about = (what: Route["about"], route: Route): Route => ({ ...route, about: what })

/** Gives a decoded request, or refuses an invalid one. */
export const read = <A>(call: Call, decoded: Result.Result<A, BadRequest>): Effect.Effect<A, Failure> =>
  Result.isSuccess(decoded) ? Effect.succeed(decoded.success) : refused(call, decoded.failure)

/** Refuses an invalid request. The guard checks the permission first, so the request is counted and audited like any other. */
export const refused = (call: Call, failure: BadRequest): Effect.Effect<never, Failure> => {
  const { operations, caller, route, params, request, body } = call
  const { permission, about } = route
  if (permission === "none" || permission === "any") return Effect.fail(failure)
  /** The value of a key in the path, otherwise in the body, otherwise in the query. */
  const find = (key: string): string | undefined => {
    const inBody = Predicate.hasProperty(body, key) ? body[key] : undefined
    return (
      params[key] ?? (typeof inBody === "string" ? inBody : (new URLSearchParams(request.query).get(key) ?? undefined))
    )
  }
  const permitRequest = {
    permission,
    about,
    pipelineId: find("pipeline_id"),
    runId: find("task_id"),
    scheduleId: params["schedule_id"]
  }
  return Effect.andThen(operations.permit(caller, permitRequest), Effect.fail(failure))
}
