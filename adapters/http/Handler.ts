/** Answers requests: finds the route, reads the body, asks Operations, and turns failures into replies. */
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
import { guarded as guardedRoutes } from "./Routes.ts"
import * as Body from "./server/Body.ts"
import * as Cors from "./server/Cors.ts"
import { BadRequest, type Failure, internalError, quota, toReply } from "./server/Failures.ts"
import { HttpVisitor, requestIdOf, showsSomething } from "./server/HttpVisitor.ts"
import type { Handler, HttpReply, HttpRequest } from "./server/Message.ts"
import * as Proxies from "./server/Proxies.ts"
import { RequestMetrics } from "./server/RequestMetrics.ts"
import { type Call, type Route, refused, type Serving } from "./server/Route.ts"
import * as Router from "./server/Router.ts"
import { MAX_STREAMS, Streams } from "./server/Streams.ts"
import * as WebPages from "./server/WebPages.ts"

/** How the API is served. */
export interface Options extends Proxies.Options, WebPages.Options {
  /** The path that the API is mounted at, such as `/flows`. Default: the root. */
  readonly basePath?: string
  /** The longest body, in bytes. Default: 1,048,576. */
  readonly maxBodyBytes?: number
  /** How many streams of events may be open at once; more are answered with 503. Default: 1,000. */
  readonly maxStreams?: number
  /** Whether the API's document and its pages are only for those who may read. Default: false; then nobody sees more in them than they may. */
  readonly guardDocs?: boolean
  /** Whether metrics are only for those who may read. Default: false; then nobody sees more in them than they may. */
  readonly guardMetrics?: boolean
  /** Which pages of other origins may read answers. Default: none. */
  readonly cors?: Cors.Options
}

/** What browsers are told where only HTTPS is taken: not to try anything else for a year. Over HTTPS alone. Source: RFC 6797, 7.2. */
const HTTPS_ONLY = { "strict-transport-security": "max-age=31536000" }

/** How long the path may be that the API is mounted at, in UTF-16 units. */
const MAX_PATH = 1_000

/** What is wrong with options; nothing when they can be used. */
export const invalid = (options: Options): InvalidOption | undefined =>
  OptionCheck.required(OptionCheck.record, "options", options) ??
  OptionCheck.text("basePath", options.basePath, MAX_PATH, 0) ??
  OptionCheck.integer("maxBodyBytes", options.maxBodyBytes, 1) ??
  OptionCheck.integer("maxStreams", options.maxStreams, 0) ??
  OptionCheck.flag("guardDocs", options.guardDocs) ??
  OptionCheck.flag("guardMetrics", options.guardMetrics) ??
  Option.getOrUndefined(Result.getFailure(Proxies.make(options))) ??
  Option.getOrUndefined(
    Result.getFailure(Result.flatMap(Cors.make(options.cors), (cors) => WebPages.make(options, cors)))
  )

/** The API as one function. Where `access` requires HTTPS, browsers are told so; unless it is secured, pages of other origins are refused. */
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
    const routes = guardedRoutes(options)
    const match = Router.make(routes, basePath(options.basePath ?? ""))
    const maxBodyBytes = options.maxBodyBytes ?? Body.MAX_BODY_BYTES
    const sourceOf = yield* Effect.fromResult(Proxies.make(options))
    const cors = yield* Effect.fromResult(Cors.make(options.cors))
    const isSecured = options.access?._tag === "Secured"
    const pages = yield* Effect.fromResult(WebPages.make(options, cors))
    const onlyHttps = options.access?._tag === "Secured" && options.access.requireHttps ? HTTPS_ONLY : undefined

    const requests = new RequestMetrics()
    const serving: Serving = {
      routes,
      streams,
      requests,
      isSecured,
      enter: ({ request, requestId }, key, shown) =>
        operations.enter(new HttpVisitor(request, requestId, key, true, sourceOf, shown), "read"),
      recognise: (call, key) => {
        if (call.caller !== nobody) return Effect.succeed(call.caller)
        return !isSecured || showsSomething(call.request)
          ? Effect.orElseSucceed(serving.enter(call, key), () => nobody)
          : Exit.succeed(nobody)
      },
      ownerOf: (request) => {
        const { address } = sourceOf(request)
        return address === undefined ? undefined : Address.owner(address)
      },
      run: (effect) => new Promise((resolve) => fork(effect).addObserver(resolve)),
      nowMillis: () => clock.currentTimeMillisUnsafe()
    }

    const ended = (exit: Exit.Exit<HttpReply, Failure>, requestId: string, nowMillis: number): HttpReply => {
      if (Exit.isSuccess(exit)) return exit.value
      const failure = Cause.findErrorOption(exit.cause)
      if (Option.isSome(failure)) return toReply(failure.value, nowMillis)
      // Interrupted: the client went away, and nobody reads what is answered.
      if (!Cause.hasInterruptsOnly(exit.cause)) {
        fork(Effect.annotateLogs(Effect.logError("A request ended in a defect", exit.cause), { request: requestId }))
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
      const call = { operations, route, caller, request, requestId, params, body, nowMillis, serving }
      return settle(traced(route, request, route.answer(call)), request, (exit) => ended(exit, requestId, nowMillis))
    }

    /** Runs an effect, at once where that can be. Whoever goes away ends it; the run that they started goes on. */
    const settle = <A, E>(
      effect: Effect.Effect<A, E>,
      request: HttpRequest,
      next: (exit: Exit.Exit<A, E>) => HttpReply | Promise<HttpReply>
    ): HttpReply | Promise<HttpReply> => {
      // What is known at once is an Exit already, and needs no fiber.
      if (Exit.isExit(effect)) return next(effect as Exit.Exit<A, E>)
      const fiber = fork(effect)
      const exit = fiber.pollUnsafe()
      if (exit !== undefined) return next(exit)
      return new Promise<Exit.Exit<A, E>>((resolve) => {
        fiber.addObserver(resolve)
        request.onAbort(() => fiber.interruptUnsafe())
      }).then(next)
    }

    /** An answer within a span of its own, which is a child of whatever the client says. */
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
        // The body ended early: nobody is there to read this, but the server has to end the exchange somehow.
        () => toReply(BODY_INCOMPLETE, clock.currentTimeMillisUnsafe())
      )
    }

    const admitted = (request: HttpRequest, caller: Caller): Caller => {
      request.principal = caller.principal
      return caller
    }

    /** Nobody is asked for more than they have to send before it is known who they are. */
    const enter = (route: Route, params: Params, request: HttpRequest, requestId: string) => {
      const { permission } = route
      if (permission === "none") return answer(route, params, NO_BODY, request, requestId, nobody)
      const entering = operations.enter(
        new HttpVisitor(request, requestId, route.key, route.isStream, sourceOf),
        permission
      )
      if (Exit.isExit(entering) || route.hasBody) {
        return settle(entering, request, (exit) => {
          if (Exit.isSuccess(exit)) return withBody(route, params, request, requestId, admitted(request, exit.value))
          return ended(Exit.failCause(exit.cause), requestId, clock.currentTimeMillisUnsafe())
        })
      }
      // One fiber for both.
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
          serving
        })
      })
      return settle(traced(route, request, answering), request, (exit) =>
        withQuota(ended(exit, requestId, nowMillis), caller)
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

    const guarded = (requestId: string, go: () => HttpReply | Promise<HttpReply>): HttpReply | Promise<HttpReply> => {
      try {
        const reply = go()
        return reply instanceof Promise
          ? reply.catch((defect) => ended(Exit.die(defect), requestId, clock.currentTimeMillisUnsafe()))
          : reply
      } catch (defect) {
        return ended(Exit.die(defect), requestId, clock.currentTimeMillisUnsafe())
      }
    }

    return (request) => {
      const requestId = requestIdOf(request)
      const secure = onlyHttps !== undefined && sourceOf(request).secure ? onlyHttps : undefined
      const more = { "x-request-id": requestId, ...cors.headers(request), ...secure }
      const { method } = request
      const began = performance.now()
      const found = match(method, request.path)
      const reply = guarded(requestId, () => respond(found, request, requestId))
      const finish = (known: HttpReply): HttpReply => {
        requests.add(
          method,
          found._tag === "Route" ? found.route.path : NO_ROUTE,
          known.status,
          performance.now() - began
        )
        return withHeaders(forMethod(method, known), more)
      }
      return reply instanceof Promise ? reply.then(finish) : finish(reply)
    }
  })

type Params = Readonly<Record<string, string>>

/** Nobody reads what a HEAD would go on with. */
const forMethod = (method: string, reply: HttpReply): HttpReply => {
  if (method !== "HEAD" || typeof reply.body !== "object") return reply
  void reply.body.cancel()
  return { ...reply, body: undefined }
}

const withHeaders = (reply: HttpReply, headers: HttpReply["headers"]): HttpReply => ({
  status: reply.status,
  headers: { ...reply.headers, ...headers },
  body: reply.body,
  ...(reply.accept !== undefined && { accept: reply.accept })
})

const BODY_INCOMPLETE = new BadRequest(400, "BodyIncompleteError", "The body ended early")

const withQuota = (reply: HttpReply, caller: Caller | undefined): HttpReply =>
  caller?.quota === undefined ? reply : withHeaders(reply, quota(caller.quota))

const NO_BODY = {}

/** What the numbers call paths where nothing is, and other methods. */
const NO_ROUTE = "none"

const pathNotFound = (path: string): BadRequest =>
  new BadRequest(404, "PathNotFoundError", `There is nothing at '${path.slice(0, 200)}'`)

const otherMethod = (method: string, allow: string): BadRequest =>
  new BadRequest(405, "MethodNotAllowedError", `${method.slice(0, 20)} is not among this path's methods: ${allow}`, {
    headers: { allow }
  })

/** With a slash in front and none behind. */
export const basePath = (path: string): string => {
  const trimmed = path.replace(/^\/+|\/+$/g, "")
  return trimmed === "" ? "" : `/${trimmed}`
}
