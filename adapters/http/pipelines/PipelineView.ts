/** Routes whose answers depend only on the pipeline. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Any as Pipeline } from "../../../core/pipeline/Pipeline.ts"
import type { Registered } from "../../../core/registry/Registry.ts"
import type { HttpReply, TextReply } from "../server/Message.ts"
import { get, type Route } from "../server/Route.ts"
import * as EntityTag from "../transfer/EntityTag.ts"

/** The reply about a pipeline that never changes, and its entity tag. */
interface Made {
  readonly tag: string
  readonly reply: Exit.Exit<HttpReply>
  readonly notModified: Exit.Exit<HttpReply>
}

/** A route whose answer depends only on the pipeline. A pipeline never changes, so each answer is made once. */
export const view = (path: string, summary: string, render: (pipeline: Pipeline) => TextReply): Route => {
  const known = new WeakMap<Pipeline, Made>()
  const make = (pipeline: Pipeline): Made => {
    const reply = render(pipeline)
    const tag = EntityTag.hash(reply.body)
    return {
      tag,
      reply: Exit.succeed(EntityTag.withTag(reply, tag)),
      notModified: Exit.succeed(EntityTag.notModified(tag))
    }
  }
  return get(path, "read", summary, ({ operations, caller, params, request }) => {
    const found = operations.pipeline(caller, params["pipeline_id"]!)
    const respond = ({ pipeline }: { readonly pipeline: Pipeline }): Exit.Exit<HttpReply> => {
      let made = known.get(pipeline)
      if (made === undefined) {
        made = make(pipeline)
        known.set(pipeline, made)
      }
      return EntityTag.isKnown(request, made.tag) ? made.notModified : made.reply
    }
    // A pipeline found in memory is an Exit already: answering needs no fiber.
    return Exit.isExit(found) && Exit.isSuccess(found)
      ? respond(found.value as Registered)
      : Effect.flatMap(found, respond)
  })
}
