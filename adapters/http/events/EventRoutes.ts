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
import type { StreamListener, Subscription } from "../server/Streams.ts"
import { EVENT_STREAM, type EventSelection, toFeedSelection, toRunSelection } from "./EventRequests.ts"
import { EventStream, ofRun } from "./EventStream.ts"

const HEADERS = {
  "content-type": EVENT_STREAM,
  ...SECURITY_HEADERS,
  // Proxies must not buffer the stream.
  "x-accel-buffering": "no"
}

/** Answers items as a stream, unless too many streams are open. */
const streamed = (
  { server, caller, route, nowMillis }: Call,
  subscription: Subscription,
  items: Stream.Stream<FeedItem, unknown>,
  selection: Pick<EventSelection<unknown>, "types" | "isBare">
): Effect.Effect<HttpReply, BadRequest> => {
  const bytes = new EventStream(items, selection, server)
  const listener: StreamListener = {
    kind: "sse",
    path: route.path,
    openedAtMillis: nowMillis,
    caller,
    subscriptions: [subscription],
    get bufferedBytes() {
      return bytes.bufferedBytes
    },
    end: () => bytes.end()
  }
  const release = server.streams.open(listener, expiryOf(caller.principal) - nowMillis)
  return typeof release === "function"
    ? Effect.succeed({ status: 200, headers: HEADERS, body: bytes.open(release) })
    : Effect.fail(release)
}

/** Answers the events of all runs, or of one pipeline's runs. */
const feed = (call: Call): Effect.Effect<HttpReply, Failure> => {
  const selection = toFeedSelection(call.request)
  if (Result.isFailure(selection)) return refused(call, selection.failure)
  const { after, isBare } = selection.success
  const pipelineId = call.params["pipeline_id"]
  return Effect.flatMap(call.operations.feed(call.caller, { pipelineId, after, isBare }), (items) =>
    streamed(call, { pipelineId: pipelineId ?? "*" }, items, selection.success)
  )
}

/** The routes. */
export const eventRoutes: ReadonlyArray<Route> = [
  stream("/runs/{task_id}/events", "read", "The events of a run: past ones first, then live ones.", (call) => {
    const selection = toRunSelection(call.request)
    if (Result.isFailure(selection)) return refused(call, selection.failure)
    const { after = 0, isBare } = selection.success
    const following = call.operations.follow(call.caller, call.params["task_id"]!, after, isBare)
    return Effect.flatMap(following, ({ run, events }) =>
      // No event will follow. A 204 keeps browsers from reconnecting.
      Run.isTerminal(run.status) && after >= run.sequence
        ? Effect.succeed(NO_CONTENT)
        : streamed(call, { pipelineId: run.pipelineId, runId: run.id }, ofRun(events), selection.success)
    )
  }),
  stream(
    "/pipelines/{pipeline_id}/events",
    "read",
    "The events of a pipeline's runs: live, or after a given event.",
    feed
  ),
  stream("/events", "read", "The events of all runs that the caller may read: live, or after a given event.", feed)
]
