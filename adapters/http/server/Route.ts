/** A route: what is answered where, and to whom. */
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

/** What goes on after a request was answered works with this. */
export interface Serving {
  readonly routes: ReadonlyArray<Route>
  readonly streams: Streams
  readonly requests: RequestMetrics
  /** Whether people have to say who they are. */
  readonly isSecured: boolean
  /** Finds out who sent a request to the route with this key, or, where something is shown besides, who shows that. */
  readonly enter: (
    call: Pick<Call, "request" | "requestId">,
    key: string,
    shown?: Credentials
  ) => Effect.Effect<Caller, EntryError>
  /** The caller of a route for everybody: one that shows credentials may see more there; any other is `nobody`. */
  readonly recognise: (call: Pick<Call, "request" | "requestId" | "caller">, key: string) => Effect.Effect<Caller>
  /** Whom the address stands for that a request comes from; undefined where the server does not tell. */
  readonly ownerOf: (request: HttpRequest) => string | undefined
  readonly run: <A, E>(effect: Effect.Effect<A, E>) => Promise<Exit.Exit<A, E>>
  readonly nowMillis: () => number
}

/** What a route answers from. */
export interface Call {
  readonly operations: Operations
  readonly route: Route
  /** `nobody`, on a route for everybody. */
  readonly caller: Caller
  /** The values of the path's `{names}`, unescaped. */
  readonly params: Readonly<Record<string, string>>
  /** Parsed JSON; an empty object for routes without a body, and where none was sent. */
  readonly body: unknown
  /** Where query and headers are. */
  readonly request: HttpRequest
  /** Names the request. */
  readonly requestId: string
  readonly nowMillis: number
  readonly serving: Serving
}

/** One row of the table. */
export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "DELETE"
  /** Segments in braces match any one segment. */
  readonly path: string
  /** `METHOD /path`: names it in documents and in the audit log. */
  readonly key: string
  /** What the caller must be allowed; the operation asks for it. With `none` nobody asks who they are. */
  readonly permission: Permission | "none"
  /** One sentence for the API's documentation. */
  readonly summary: string
  readonly hasBody: boolean
  /** What a request is about, when that is not an object that is there. */
  readonly about?: Request["about"]
  /** Whether the answer goes on: browsers can send no header with the wish for it, so a narrowed token may be in the query. */
  readonly isStream: boolean
  readonly answer: (call: Call) => Effect.Effect<HttpReply, Failure>
}

/** Makes routes of one method. */
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

/** A route that reads. */
export const get: ReturnType<typeof route> = route("GET")

/** A route whose answer goes on. */
export const stream = (...of: Parameters<typeof get>): Route => ({ ...get(...of), isStream: true })

/** A route that does what its body asks for. */
export const post: ReturnType<typeof route> = route("POST", true)

/** A route that puts its body in the place of what was there. */
export const put: ReturnType<typeof route> = route("PUT", true)

/** A route that does something, and needs to be told nothing. */
export const act: ReturnType<typeof route> = route("POST")

/** A route that removes something. */
export const remove: ReturnType<typeof route> = route("DELETE")

/** A route about a list, about all of the server, or about something that is not there yet. */
export const about = (what: Route["about"], route: Route): Route => ({ ...route, about: what })

/** Gives what was read of a request, or refuses a request that can't be read. */
export const read = <A>(call: Call, asked: Result.Result<A, BadRequest>): Effect.Effect<A, Failure> =>
  Result.isSuccess(asked) ? Effect.succeed(asked.success) : refused(call, asked.failure)

/** The refusal of a request that can't be read; first, as always, the guard is asked, and it counts and records. */
export const refused = (call: Call, failure: BadRequest): Effect.Effect<never, Failure> => {
  const { operations, caller, route, params, request, body } = call
  const { permission, about } = route
  if (permission === "none") return Effect.fail(failure)
  /** Looks for a name in the path, then in the body, then in the query. */
  const named = (key: string): string | undefined => {
    const inBody = Predicate.hasProperty(body, key) ? body[key] : undefined
    return (
      params[key] ?? (typeof inBody === "string" ? inBody : (new URLSearchParams(request.query).get(key) ?? undefined))
    )
  }
  const wish = {
    permission,
    about,
    pipelineId: named("pipeline_id"),
    runId: named("task_id"),
    scheduleId: params["schedule_id"]
  }
  return Effect.andThen(operations.permit(caller, wish), Effect.fail(failure))
}
