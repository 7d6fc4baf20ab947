/** The routes of live events. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Stream from "effect/Stream"
import * as Run from "../../../core/run/Run.ts"
import type { FeedItem } from "../../../core/store/Feed.ts"
import { expiryOf } from "../../../core/values/Principal.ts"
import type { BadRequest, Failure } from "../server/Failures.ts"
import { type HttpReply, type HttpRequest, NO_CONTENT, SECURITY_HEADERS } from "../server/Message.ts"
import { Reader } from "../server/Reader.ts"
import { type Call, type Route, refused, stream } from "../server/Route.ts"
import { EventStream, ofRun } from "./EventStream.ts"
import { areTypes, EVENT_TYPES, type EventType, isCursor, isSequence } from "./EventWire.ts"

/** From where, and which. */
interface Wanted {
  readonly after: string | undefined
  readonly types: ReadonlySet<EventType> | undefined
}

/** Reads after which event to begin, and which types to send. The `Last-Event-ID` of a browser that reconnects overrides the query. */
const wanted = (
  request: Pick<HttpRequest, "query" | "header">,
  isPlace: (value: unknown) => value is string,
  place: string
): Result.Result<Wanted, BadRequest> => {
  const query = new URLSearchParams(request.query)
  const seen = request.header("last-event-id")
  const asked = query.get("after") ?? undefined
  const reader = new Reader({ after: seen ?? asked, types: query.get("types") ?? undefined }, "query")
  const after = reader.take("after", isPlace, place)
  if (seen !== undefined && asked !== undefined && !isPlace(asked)) reader.missing("after", `Expected ${place}`)
  const types = reader.take("types", areTypes, `some of ${EVENT_TYPES.join(",")}`)
  return reader.result(() => ({
    after,
    types: types === undefined ? undefined : new Set(types.split(",") as ReadonlyArray<EventType>)
  }))
}

const HEADERS = {
  "content-type": "text/event-stream",
  ...SECURITY_HEADERS,
  // Proxies must not wait for the end of it.
  "x-accel-buffering": "no"
}

/** The items as an answer, when there is room for one more. */
const streamed = (
  { serving, caller, nowMillis }: Call,
  items: Stream.Stream<FeedItem, unknown>,
  types: Wanted["types"]
): Effect.Effect<HttpReply, BadRequest> => {
  const bytes = new EventStream(items, types, serving)
  const freed = serving.streams.open(() => bytes.end(), expiryOf(caller.principal) - nowMillis)
  return typeof freed === "function"
    ? Effect.succeed({ status: 200, headers: HEADERS, body: bytes.open(freed) })
    : Effect.fail(freed)
}

/** What happens to all runs, or to those of one pipeline. */
const feed = (call: Call): Effect.Effect<HttpReply, Failure> => {
  const want = wanted(call.request, isCursor, 'the id of an event of this stream, or "0"')
  if (Result.isFailure(want)) return refused(call, want.failure)
  const { after, types } = want.success
  return Effect.flatMap(call.operations.feed(call.caller, { pipelineId: call.params["pipeline_id"], after }), (items) =>
    streamed(call, items, types)
  )
}

/** The routes. */
export const eventRoutes: ReadonlyArray<Route> = [
  stream("/runs/{task_id}/events", "read", "The events of a run: those that were, then those that happen.", (call) => {
    const want = wanted(call.request, isSequence, "the sequence of an event, or 0")
    if (Result.isFailure(want)) return refused(call, want.failure)
    const { types } = want.success
    const after = Number(want.success.after ?? 0)
    return Effect.flatMap(call.operations.follow(call.caller, call.params["task_id"]!, after), ({ run, events }) =>
      // Nothing will come any more, and a browser takes this for an answer.
      Run.isTerminal(run.status) && after >= run.sequence
        ? Effect.succeed(NO_CONTENT)
        : streamed(call, ofRun(events), types)
    )
  }),
  stream(
    "/pipelines/{pipeline_id}/events",
    "read",
    "The events of a pipeline's runs, from now on or from a place.",
    feed
  ),
  stream("/events", "read", "The events of all runs that the caller may read, from now on or from a place.", feed)
]
