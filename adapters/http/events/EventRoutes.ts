/** The routes of live events. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Stream from "effect/Stream"
import * as Run from "../../../core/run/Run.ts"
import type { FeedItem } from "../../../core/store/Feed.ts"
import { expiryOf } from "../../../core/values/Principal.ts"
import type { BadRequest, Failure } from "../server/Failures.ts"
import { type HttpReply, NO_CONTENT, SECURITY_HEADERS } from "../server/Message.ts"
import { type Call, type Route, refused, stream } from "../server/Route.ts"
import { EVENT_STREAM, toEventsWanted, toFeedWanted, type Wanted } from "./EventRequests.ts"
import { EventStream, ofRun } from "./EventStream.ts"

const HEADERS = {
  "content-type": EVENT_STREAM,
  ...SECURITY_HEADERS,
  // Proxies must not wait for the end of it.
  "x-accel-buffering": "no"
}

/** The items as an answer, when there is room for one more. */
const streamed = (
  { serving, caller, nowMillis }: Call,
  items: Stream.Stream<FeedItem, unknown>,
  types: Wanted<unknown>["types"]
): Effect.Effect<HttpReply, BadRequest> => {
  const bytes = new EventStream(items, types, serving)
  const freed = serving.streams.open(() => bytes.end(), expiryOf(caller.principal) - nowMillis)
  return typeof freed === "function"
    ? Effect.succeed({ status: 200, headers: HEADERS, body: bytes.open(freed) })
    : Effect.fail(freed)
}

/** What happens to all runs, or to those of one pipeline. */
const feed = (call: Call): Effect.Effect<HttpReply, Failure> => {
  const want = toFeedWanted(call.request)
  if (Result.isFailure(want)) return refused(call, want.failure)
  const { after, types } = want.success
  return Effect.flatMap(call.operations.feed(call.caller, { pipelineId: call.params["pipeline_id"], after }), (items) =>
    streamed(call, items, types)
  )
}

/** The routes. */
export const eventRoutes: ReadonlyArray<Route> = [
  stream("/runs/{task_id}/events", "read", "The events of a run: those that were, then those that happen.", (call) => {
    const want = toEventsWanted(call.request)
    if (Result.isFailure(want)) return refused(call, want.failure)
    const { after = 0, types } = want.success
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
