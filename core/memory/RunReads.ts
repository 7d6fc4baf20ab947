/** The part of a Store in memory that reads runs. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Json } from "../json/Value.ts"
import type { Event } from "../run/Event.ts"
import * as ItemList from "../run/ItemList.ts"
import type { Outline } from "../run/Outline.ts"
import type { Run } from "../run/Run.ts"
import type { Lines } from "../task/Log.ts"
import { type InvalidOption, type RunNotFound, type StoreUnavailable, UnknownStep } from "../values/Errors.ts"
import type { MemoryRun } from "./run/MemoryRun.ts"

type Missing = RunNotFound | StoreUnavailable

export abstract class RunReads {
  /** Finds a run that the Store keeps. */
  protected abstract find(runId: string): Effect.Effect<MemoryRun, Missing>

  get = (runId: string): Effect.Effect<Run, Missing> => Effect.map(this.find(runId), (run) => run.log.state)

  pipelineOf = (runId: string): Effect.Effect<string, Missing> =>
    Effect.map(this.find(runId), (run) => run.submission.pipelineId)

  outline = (runId: string): Effect.Effect<Outline, Missing> =>
    Effect.map(this.find(runId), ({ log, values }) => log.outline(values))

  value = (runId: string, name: string): Effect.Effect<Json | undefined, Missing> =>
    Effect.map(this.find(runId), (run) => run.values.get(name))

  items = (request: ItemList.ItemsRequest): Effect.Effect<ItemList.ItemList, Missing | UnknownStep | InvalidOption> =>
    Effect.flatMap(
      this.findStep(request.runId, request.step),
      ({ run, index }): Effect.Effect<ItemList.ItemList, InvalidOption> => {
        const mistake = ItemList.invalid(request)
        return mistake === undefined ? Effect.sync(() => run.listItems(index, request)) : Effect.fail(mistake)
      }
    )

  lines = (runId: string): Effect.Effect<Lines, Missing> => Effect.map(this.find(runId), (run) => run.log.lines)

  wait = (runId: string): Effect.Effect<Run, Missing> =>
    Effect.flatMap(this.find(runId), (run) =>
      Effect.callback<Run>((resume) => {
        const onEnd = () => resume(Effect.succeed(run.log.state))
        if (run.isOver) return onEnd()
        run.onEnd.push(onEnd)
        return Effect.sync(() => {
          run.onEnd = run.onEnd.filter((other) => other !== onEnd)
        })
      })
    )

  watch = (runId: string, after = 0): Stream.Stream<Event, Missing> =>
    Stream.fromPull(Effect.map(this.find(runId), ({ log }) => log.pull(after)))

  protected findStep(
    runId: string,
    step: string
  ): Effect.Effect<{ readonly run: MemoryRun; readonly index: number }, Missing | UnknownStep> {
    return Effect.flatMap(this.find(runId), (run) => {
      const { steps } = run.log.plan
      const index = steps.findIndex(({ name }) => name === step)
      if (index !== -1) return Effect.succeed({ run, index })
      const names = steps.map(({ name }) => name)
      return Effect.fail(new UnknownStep(run.submission.pipelineId, step, names))
    })
  }
}
