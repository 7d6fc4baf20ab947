/** Answers requests: finds the route, reads the body, calls Operations and turns failures into replies. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { Access } from "../../core/access/Access.ts"
import { Operations } from "../../core/operations/Operations.ts"
import * as Tracing from "../../core/runtime/Tracing.ts"
import * as Address from "../../core/values/Address.ts"
import type { InvalidOption } from "../../core/values/Errors.ts"
import * as OptionCheck from "../../core/values/OptionCheck.ts"
import { type Caller, nobody } from "../../core/values/Principal.ts"
import { routesFor } from "./Routes.ts"
import * as Body from "./server/Body.ts"
import * as Cors from "./server/Cors.ts"
import { BadRequest, type Failure, internalError, pathNotFound, quota, toReply } from "./server/Failures.ts"
import { HttpVisitor, hasCredentials, requestIdOf } from "./server/HttpVisitor.ts"
import type { Handler, HttpReply, HttpRequest } from "./server/Message.ts"
import * as Proxies from "./server/Proxies.ts"
import { RequestMetrics } from "./server/RequestMetrics.ts"
import { type Call, type Route, refused, type ServerContext } from "./server/Route.ts"
import * as Router from "./server/Router.ts"
import { MAX_STREAMS, Streams } from "./server/Streams.ts"
import * as WebPages from "./server/WebPages.ts"
import * as Compression from "./transfer/Compression.ts"

/** How the API is served. */
export interface Options extends Proxies.Options, WebPages.Options {
  /** The path that the API is mounted at, such as `/flows`. Default: the root. */
  readonly basePath?: string
  /** The longest request body, in bytes. Default: 1,048,576. */
  readonly maxBodyBytes?: number
  /** How many event streams may be open at once; further ones get 503. Default: 1,000. */
  readonly maxStreams?: number
  /** Whether the OpenAPI document and its pages need the permission `read`. Default: false; the document then lists only the pipelines that its reader may read. */
  readonly guardDocs?: boolean
  /** Whether metrics need the permission `read`. Default: false; metrics then name only the pipelines that their reader may read. */
  readonly guardMetrics?: boolean
  /** Whether the built-in page is served at `/dashboard`. Default: true. It is public; its data needs the visitor's credentials. */
  readonly dashboard?: boolean
  /** Which origins' pages may read answers. Default: none but the server's own. */
  readonly cors?: Cors.Options
}

/** Tells browsers to use only HTTPS for a year. Sent over HTTPS only. Source: RFC 6797, 7.2. */
const HTTPS_ONLY = { "strict-transport-security": "max-age=31536000" }

/** The longest `basePath`, in UTF-16 units. */
const MAX_PATH = 1_000

/** The first invalid option; undefined if all are valid. */
export const invalid = (options: Options): InvalidOption | undefined =>
  OptionCheck.required(OptionCheck.record, "options", options) ??
  OptionCheck.text("basePath", options.basePath, MAX_PATH, 0) ??
  OptionCheck.integer("maxBodyBytes", options.maxBodyBytes, 1) ??
  OptionCheck.integer("maxStreams", options.maxStreams, 0) ??
  OptionCheck.flag("guardDocs", options.guardDocs) ??
  OptionCheck.flag("guardMetrics", options.guardMetrics) ??
  OptionCheck.flag("dashboard", options.dashboard) ??
  Option.getOrUndefined(Result.getFailure(Proxies.make(options))) ??
  Option.getOrUndefined(
    Result.getFailure(Result.flatMap(Cors.make(options.cors), (cors) => WebPages.make(options, cors)))
  )

/**
 * The API as one function. If `access` requires HTTPS, answers tell browsers so. If access is open, requests from pages of
 * other origins are refused.
 */
export const make = (
  options: Options & { readonly access?: Access } = {},
  streams: Streams = new Streams(options.maxStreams ?? MAX_STREAMS)
): Effect.Effect<Handler, InvalidOption, Operations> =>
  Effect.gen(function* () {
    const mistake = invalid(options)
    if (mistake !== undefined) return yield* mistake
    const operations = yield* Operations
    const tracing = yield* Tracing.find
    const clock = yield* Clock.Clock
    const fork = Effect.runForkWith(yield* Effect.context<never>())
    const routes = routesFor(options)
    const match = Router.make(routes, basePath(options.basePath ?? ""))
    const maxBodyBytes = options.maxBodyBytes ?? Body.MAX_BODY_BYTES
    const sourceOf = yield* Effect.fromResult(Proxies.make(options))
    const cors = yield* Effect.fromResult(Cors.make(options.cors))
    const isSecured = options.access?._tag === "Secured"
    const pages = yield* Effect.fromResult(WebPages.make(options, cors))
    const onlyHttps = options.access?._tag === "Secured" && options.access.requireHttps ? HTTPS_ONLY : undefined

    const requests = new RequestMetrics()
    const server: ServerContext = {
      routes,
      streams,
      requests,
      isSecured,
      enter: ({ request, requestId }, key, shown) =>
        operations.enter(new HttpVisitor(request, requestId, key, true, sourceOf, shown), "read"),
      identify: (call, key) => {
        if (call.caller !== nobody) return Effect.succeed(call.caller)
        return !isSecured || hasCredentials(call.request)
          ? Effect.orElseSucceed(server.enter(call, key), () => nobody)
          : Exit.succeed(nobody)
      },
      ownerOf: (request) => {
        const { address } = sourceOf(request)
        return address === undefined ? undefined : Address.owner(address)
      },
      run: (effect) => new Promise((resolve) => fork(effect).addObserver(resolve)),
      nowMillis: () => clock.currentTimeMillisUnsafe()
    }

    const replyOf = (exit: Exit.Exit<HttpReply, Failure>, requestId: string, nowMillis: number): HttpReply => {
      if (Exit.isSuccess(exit)) return exit.value
      const failure = Cause.findErrorOption(exit.cause)
      if (Option.isSome(failure)) return toReply(failure.value, nowMillis)
      // Interrupted: the client has disconnected and does not read the reply.
      if (!Cause.hasInterruptsOnly(exit.cause)) {
        fork(
          Effect.annotateLogs(Effect.logError("A request failed with an unexpected error", exit.cause), {
            request: requestId
          })
        )
      }
      return internalError(nowMillis)
    }

    const answer = (
      route: Route,
      params: Params,
      body: unknown,
      request: HttpRequest,
      requestId: string,
      caller: Caller
    ): HttpReply | Promise<HttpReply> => {
      const nowMillis = clock.currentTimeMillisUnsafe()
      const call = { operations, route, caller, request, requestId, params, body, nowMillis, server }
      return runThen(traced(route, request, route.answer(call)), request, (exit) => replyOf(exit, requestId, nowMillis))
    }

    /** Runs an effect, synchronously if it does not wait. A client that disconnects interrupts it; a run that it started goes on. */
    const runThen = <A, E>(
      effect: Effect.Effect<A, E>,
      request: HttpRequest,
      next: (exit: Exit.Exit<A, E>) => HttpReply | Promise<HttpReply>
    ): HttpReply | Promise<HttpReply> => {
      // An effect that is already an Exit needs no fiber.
      if (Exit.isExit(effect)) return next(effect as Exit.Exit<A, E>)
      const fiber = fork(effect)
      const exit = fiber.pollUnsafe()
      if (exit !== undefined) return next(exit)
      return new Promise<Exit.Exit<A, E>>((resolve) => {
        fiber.addObserver(resolve)
        request.onAbort(() => fiber.interruptUnsafe())
      }).then(next)
    }

    /** Runs an answer in its own span, whose parent is the span named by the request's `traceparent`. */
    const traced = (route: Route, request: HttpRequest, answering: Effect.Effect<HttpReply, Failure>) => {
      if (tracing === undefined || route.permission === "none") return answering
      const span = tracing.begin(`${request.method} ${route.path}`, {
        kind: "server",
        parent: Tracing.fromTraceparent(request.header("traceparent")),
        attributes: { "http.request.method": request.method, "http.route": route.path }
      })
      return tracing.around(
        span,
        Effect.tap(answering, ({ status }) =>
          Effect.sync(() => tracing.attribute(span, "http.response.status_code", status))
        )
      )
    }

    const withBody = (
      route: Route,
      params: Params,
      request: HttpRequest,
      requestId: string,
      caller: Caller
    ): HttpReply | Promise<HttpReply> => {
      if (!route.hasBody) return answer(route, params, NO_BODY, request, requestId, caller)
      return Body.read(request, maxBodyBytes).then(
        async (read) => {
          const body = Result.isSuccess(read) ? read.success : NO_BODY
          const taken = Result.isSuccess(read)
            ? route
            : { ...route, answer: (call: Call) => refused(call, read.failure) }
          return withQuota(await answer(taken, params, body, request, requestId, caller), caller)
        },
        // The client has disconnected and will not read this, but the server needs a reply to finish the exchange.
        () => toReply(BODY_INCOMPLETE, clock.currentTimeMillisUnsafe())
      )
    }

    const admitted = (request: HttpRequest, caller: Caller): Caller => {
      request.principal = caller.principal
      return caller
    }

    /** Authenticates the caller, and reads the body only after that. */
    const enter = (route: Route, params: Params, request: HttpRequest, requestId: string) => {
      const { permission } = route
      if (permission === "none") return answer(route, params, NO_BODY, request, requestId, nobody)
      const entering = operations.enter(
        new HttpVisitor(request, requestId, route.key, route.isStream, sourceOf),
        permission === "any" ? "read" : permission
      )
      if (Exit.isExit(entering) || route.hasBody) {
        return runThen(entering, request, (exit) => {
          if (Exit.isSuccess(exit)) return withBody(route, params, request, requestId, admitted(request, exit.value))
          return replyOf(Exit.failCause(exit.cause), requestId, clock.currentTimeMillisUnsafe())
        })
      }
      // One fiber authenticates and answers.
      let caller: Caller | undefined
      const nowMillis = clock.currentTimeMillisUnsafe()
      const answering = Effect.flatMap(entering, (found) => {
        caller = admitted(request, found)
        return route.answer({
          operations,
          route,
          caller,
          request,
          requestId,
          params,
          body: NO_BODY,
          nowMillis,
          server
        })
      })
      return runThen(traced(route, request, answering), request, (exit) =>
        withQuota(replyOf(exit, requestId, nowMillis), caller)
      )
    }

    const respond = (found: Router.Match, request: HttpRequest, requestId: string): HttpReply | Promise<HttpReply> => {
      const { method } = request
      const refused = isSecured ? undefined : pages(request, found._tag === "Route")
      if (refused !== undefined) return toReply(refused, clock.currentTimeMillisUnsafe())
      if (found._tag === "Route") return enter(found.route, found.params, request, requestId)
      if (found._tag === "NoPath") return toReply(pathNotFound(request.path), clock.currentTimeMillisUnsafe())
      if (method !== "OPTIONS") return toReply(otherMethod(method, found.allow), clock.currentTimeMillisUnsafe())
      return cors.preflight(request, found.allow) ?? { status: 204, headers: { allow: found.allow }, body: undefined }
    }

    const catching = (
      requestId: string,
      respond: () => HttpReply | Promise<HttpReply>
    ): HttpReply | Promise<HttpReply> => {
      try {
        const reply = respond()
        return reply instanceof Promise
          ? reply.catch((defect) => replyOf(Exit.die(defect), requestId, clock.currentTimeMillisUnsafe()))
          : reply
      } catch (defect) {
        return replyOf(Exit.die(defect), requestId, clock.currentTimeMillisUnsafe())
      }
    }

    return (request) => {
      const requestId = requestIdOf(request)
      const strictTransport = onlyHttps !== undefined && sourceOf(request).secure ? onlyHttps : undefined
      const headers = { "x-request-id": requestId, ...cors.headers(request), ...strictTransport }
      const { method } = request
      const began = performance.now()
      const found = match(method, request.path)
      const reply = catching(requestId, () => respond(found, request, requestId))
      const finish = (settled: HttpReply): HttpReply | Promise<HttpReply> => {
        requests.add(
          method,
          found._tag === "Route" ? found.route.path : NO_ROUTE,
          settled.status,
          performance.now() - began
        )
        const whole = withHeaders(forMethod(method, settled), headers)
        return found._tag === "Route" && found.route.hasSecret === true ? whole : Compression.compress(request, whole)
      }
      return reply instanceof Promise ? reply.then(finish) : finish(reply)
    }
  })

type Params = Readonly<Record<string, string>>

/** Closes the stream of a HEAD reply: its client reads no body. */
const forMethod = (method: string, reply: HttpReply): HttpReply => {
  if (method !== "HEAD" || !(reply.body instanceof ReadableStream)) return reply
  void reply.body.cancel()
  return { ...reply, body: undefined }
}

const withHeaders = (reply: HttpReply, headers: HttpReply["headers"]): HttpReply => ({
  status: reply.status,
  headers: Compression.joined(reply.headers, headers),
  body: reply.body,
  ...(reply.accept !== undefined && { accept: reply.accept })
})

const BODY_INCOMPLETE = new BadRequest(
  400,
  "BodyIncompleteError",
  "The connection closed before the whole body arrived"
)

const withQuota = (reply: HttpReply, caller: Caller | undefined): HttpReply =>
  caller?.quota === undefined ? reply : withHeaders(reply, quota(caller.quota))

const NO_BODY = {}

/** The `route` label in metrics for requests that match no route. */
const NO_ROUTE = "none"

const otherMethod = (method: string, allow: string): BadRequest =>
  new BadRequest(
    405,
    "MethodNotAllowedError",
    `Method ${method.slice(0, 20)} is not allowed on this path; allowed: ${allow}`,
    {
      headers: { allow }
    }
  )

/** Normalises a path: a leading slash, no trailing slash; empty for the root. */
export const basePath = (path: string): string => {
  const trimmed = path.replace(/^\/+|\/+$/g, "")
  return trimmed === "" ? "" : `/${trimmed}`
}
