/** Answers requests: finds the route, reads the body, asks Operations, and turns failures into replies. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Bound from "../../core/Bound.ts"
import type { InvalidOption } from "../../core/Errors.ts"
import { Operations } from "../../core/Operations.ts"
import * as Body from "./Body.ts"
import { BadRequest, type Failure, internalError, toReply } from "./Failures.ts"
import type { Handler, HttpReply, HttpRequest } from "./Message.ts"
import type { Route } from "./Route.ts"
import * as Router from "./Router.ts"
import { routes } from "./Routes.ts"

/** How the API is served. */
export interface Options {
  /** The path that the API is mounted at, such as `/flows`. Default: the root. */
  readonly basePath?: string
  /** The longest body, in bytes. Default: 1,048,576. */
  readonly maxBodyBytes?: number
}

/** The API as one function. */
export const make = (options: Options = {}): Effect.Effect<Handler, InvalidOption, Operations> =>
  Effect.gen(function* () {
    const mistake = Bound.integer("maxBodyBytes", options.maxBodyBytes, 1)
    if (mistake !== undefined) return yield* mistake
    const operations = yield* Operations
    const clock = yield* Clock.Clock
    const fork = Effect.runForkWith(yield* Effect.context<never>())
    const match = Router.make(routes, basePath(options.basePath ?? ""))
    const maxBodyBytes = options.maxBodyBytes ?? Body.MAX_BODY_BYTES

    const ended = (exit: Exit.Exit<HttpReply, Failure>, nowMillis: number): HttpReply => {
      if (Exit.isSuccess(exit)) return exit.value
      const failure = Cause.findErrorOption(exit.cause)
      if (Option.isSome(failure)) return toReply(failure.value, nowMillis)
      // Interrupted: the client went away, and nobody reads what is answered.
      if (!Cause.hasInterruptsOnly(exit.cause)) fork(Effect.logError("A request ended in a defect", exit.cause))
      return internalError(nowMillis)
    }

    const answer = (
      route: Route,
      params: Readonly<Record<string, string>>,
      body: unknown,
      request: HttpRequest
    ): HttpReply | Promise<HttpReply> => {
      const nowMillis = clock.currentTimeMillisUnsafe()
      const answering = route.answer({ operations, caller: request, request, params, body, nowMillis })
      // What is known at once is an Exit already, and needs no fiber.
      if (Exit.isExit(answering)) return ended(answering as Exit.Exit<HttpReply, Failure>, nowMillis)
      const fiber = fork(answering)
      const exit = fiber.pollUnsafe()
      if (exit !== undefined) return ended(exit, nowMillis)
      return new Promise((resolve) => {
        fiber.addObserver((later) => resolve(ended(later, nowMillis)))
        // Whoever goes away ends the wait; the run that they started goes on.
        request.onAbort(() => fiber.interruptUnsafe())
      })
    }

    const withBody = async (
      route: Route,
      params: Readonly<Record<string, string>>,
      request: HttpRequest
    ): Promise<HttpReply> => {
      let body: Result.Result<unknown, BadRequest>
      try {
        body = await Body.read(request, maxBodyBytes)
      } catch {
        // The body ended early: nobody is there to read this, but the server has to end the exchange somehow.
        body = Result.fail(new BadRequest(400, "BodyIncompleteError", "The body ended early"))
      }
      if (Result.isFailure(body)) return toReply(body.failure, clock.currentTimeMillisUnsafe())
      try {
        return await answer(route, params, body.success, request)
      } catch (defect) {
        return ended(Exit.die(defect), clock.currentTimeMillisUnsafe())
      }
    }

    const respond = (request: HttpRequest): HttpReply | Promise<HttpReply> => {
      const { method } = request
      const found = match(method, request.path)
      if (found._tag === "Route") {
        const { route, params } = found
        return route.hasBody ? withBody(route, params, request) : answer(route, params, NO_BODY, request)
      }
      if (found._tag === "NoPath") return toReply(pathNotFound(request.path), clock.currentTimeMillisUnsafe())
      if (method === "OPTIONS") return { status: 204, headers: { allow: found.allow }, body: undefined }
      return toReply(otherMethod(method, found.allow), clock.currentTimeMillisUnsafe())
    }

    return (request) => {
      try {
        return respond(request)
      } catch (defect) {
        return ended(Exit.die(defect), clock.currentTimeMillisUnsafe())
      }
    }
  })

const NO_BODY = {}

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
