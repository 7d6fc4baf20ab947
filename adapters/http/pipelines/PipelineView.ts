/** Routes whose answers depend only on the pipeline. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Any as Pipeline } from "../../../core/pipeline/Pipeline.ts"
import type { Registered } from "../../../core/registry/Registry.ts"
import type { HttpReply } from "../server/Message.ts"
import { get, type Route } from "../server/Route.ts"

/** A route whose answer depends only on the pipeline. A pipeline never changes, so each answer is made once. */
export const view = (path: string, summary: string, render: (pipeline: Pipeline) => HttpReply): Route => {
  const made = new WeakMap<Pipeline, Exit.Exit<HttpReply>>()
  return get(path, "read", summary, ({ operations, caller, params }) => {
    const found = operations.pipeline(caller, params["pipeline_id"]!)
    const respond = ({ pipeline }: { readonly pipeline: Pipeline }): Exit.Exit<HttpReply> => {
      let reply = made.get(pipeline)
      if (reply === undefined) {
        reply = Exit.succeed(render(pipeline))
        made.set(pipeline, reply)
      }
      return reply
    }
    // A pipeline found in memory is an Exit already: answering needs no fiber.
    return Exit.isExit(found) && Exit.isSuccess(found)
      ? respond(found.value as Registered)
      : Effect.flatMap(found, respond)
  })
}
