/** The routes of live events. */
import * as Effect from "effect/Effect"
import type * as Result from "effect/Result"
import * as Run from "../../core/Run.ts"
import { toBytes } from "./EventStream.ts"
import { EVENT_TYPES, type EventType } from "./EventWire.ts"
import type { BadRequest } from "./Failures.ts"
import { type HttpReply, type HttpRequest, NO_CONTENT, SECURITY_HEADERS } from "./Message.ts"
import { Reader } from "./Reader.ts"
import { type Route, stream } from "./Route.ts"

/** From where, and which. */
interface Wanted {
  readonly after: number
  readonly types: ReadonlySet<EventType> | undefined
}

/** Reads which events are wanted: a browser that comes again says what it has seen in a header. */
const wanted = (request: Pick<HttpRequest, "query" | "header">): Result.Result<Wanted, BadRequest> => {
  const query = new URLSearchParams(request.query)
  const seen = request.header("last-event-id") ?? query.get("after") ?? undefined
  const names = query.get("types") ?? undefined
  const reader = new Reader({ after: seen, types: names }, "query")
  const isSequence = (value: unknown): value is string => typeof value === "string" && /^\d{1,15}$/.test(value)
  const after = reader.take("after", isSequence, "the sequence of an event, or 0")
  const areTypes = (value: unknown): value is string =>
    typeof value === "string" && value.split(",").every((name) => EVENT_TYPES.includes(name as EventType))
  const types = reader.take("types", areTypes, `some of ${EVENT_TYPES.join(",")}`)
  return reader.result(() => ({
    after: Number(after ?? 0),
    types: types === undefined ? undefined : new Set(types.split(",") as ReadonlyArray<EventType>)
  }))
}

const streamed = (body: NonNullable<HttpReply["body"]>): HttpReply => ({
  status: 200,
  // Proxies must not wait for the end of it.
  headers: { "content-type": "text/event-stream", ...SECURITY_HEADERS, "x-accel-buffering": "no" },
  body
})

/** The routes. */
export const eventRoutes: ReadonlyArray<Route> = [
  stream("/runs/{task_id}/events", "read", "The events of a run: those that were, then those that happen.", (call) =>
    Effect.flatMap(Effect.fromResult(wanted(call.request)), ({ after, types }) =>
      Effect.flatMap(call.operations.follow(call.caller, call.params["task_id"]!, after), ({ run, events }) => {
        // Nothing will come any more, and a browser takes this for an answer.
        if (Run.isTerminal(run.status) && after >= run.sequence) return Effect.succeed(NO_CONTENT)
        const close = call.streams.open()
        return typeof close === "function"
          ? Effect.succeed(streamed(toBytes(events, types, close)))
          : Effect.fail(close)
      })
    )
  )
]
