/** A Store whose runs have spans: from when they are submitted until they are over, as far as this process sees that. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type { NewRun } from "../run/NewRun.ts"
import { replacing } from "../runtime/Delegate.ts"
import { type Tracing, toTraceparent } from "../runtime/Tracing.ts"
import type { Store } from "./Store.ts"

/** How many runs are waited for at once to end their spans; those of others end when they are submitted. */
const MAX_OPEN = 1_000

/** The Store, with a span for each run that is submitted. What is still open when the scope closes is ended. */
export const make = (store: Store, tracing: Tracing, scope: Scope.Scope): Store => {
  let open = 0

  const submit = (run: NewRun): ReturnType<Store["submit"]> =>
    Effect.gen(function* () {
      const parent = yield* Effect.option(Effect.currentParentSpan)
      const span = tracing.begin("levada.run", {
        kind: "producer",
        parent: parent._tag === "Some" ? parent.value : undefined,
        attributes: { "levada.pipeline": run.pipelineId, "levada.version": run.version }
      })
      const submitted = yield* Effect.exit(store.submit({ ...run, traceparent: toTraceparent(span) }))
      if (Exit.isFailure(submitted)) {
        tracing.endWith(span, submitted)
        return yield* submitted
      }
      const runId = submitted.value
      tracing.attribute(span, "levada.run", runId)
      if (tracing.hasUnreportedError) yield* tracing.report
      if (open >= MAX_OPEN || !span.sampled) tracing.end(span)
      else {
        open++
        const over = Effect.flatMap(store.wait(runId), ({ status, error, reason = "" }) =>
          Effect.sync(() => {
            tracing.attribute(span, "levada.status", status)
            if (status === "FAILED") tracing.end(span, error)
            else if (status === "CANCELLED") tracing.end(span, { name: "RunCancelled", message: reason })
          })
        )
        const ended = Effect.sync(() => {
          open--
          tracing.end(span)
        })
        yield* Effect.forkIn(Effect.ensuring(Effect.ignore(over), ended), scope)
      }
      return runId
    })

  return replacing(store, { submit })
}
