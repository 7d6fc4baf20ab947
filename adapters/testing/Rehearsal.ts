/** Pipelines as a test wants them: with other code in some tasks, and with failures and delays at some steps. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { fromSteps } from "../../core/pipeline/Assembly.ts"
import type * as Pipeline from "../../core/pipeline/Pipeline.ts"
import type { Step } from "../../core/pipeline/Step.ts"
import { effectOf, isPromiseLike } from "../../core/task/Returned.ts"
import type * as Task from "../../core/task/Task.ts"
import type { VirtualTime, Work } from "./VirtualTime.ts"

/** Which attempt of which step something is about. */
export interface At {
  /** 1 for the first attempt. */
  readonly attempt: number
  /** Which item, in a step that goes through items. */
  readonly item: number | undefined
}

/** A task with other code. */
export interface Replacement {
  readonly task: string
  readonly run: Task.Any["run"]
}

/** What a test changes. Steps are named as they are in the pipeline. */
export interface Changes {
  /** Other code for tasks, wherever they are. Made by `replace`. */
  readonly replace?: ReadonlyArray<Replacement>
  /**
   * Failures by step: how many attempts fail before the first that does not, or what an attempt fails with; with
   * undefined it does not.
   */
  readonly fail?: Readonly<Record<string, number | ((at: At) => unknown)>>
  /** How long attempts take beforehand, by step, in milliseconds of virtual time. */
  readonly delay?: Readonly<Record<string, number | ((at: At) => number)>>
}

/** Other code for a task, of the task's own types. */
export const replace = <T extends Task.Any>(task: T, run: T["run"]): Replacement => ({ task: task.name, run })

/** The pipeline with the changes in it. It is of the same version: only code has changed. */
export const rehearse = (pipeline: Pipeline.Any, changes: Changes, time: VirtualTime): Pipeline.Any => {
  const steps = pipeline.steps.map((step) => ({ ...step, task: changed(step, changes, time) }))
  return Result.getOrThrowWith(fromSteps(pipeline.id, pipeline.kind, steps, pipeline.options), (error) => error)
}

/** The names in `changes` that no pipeline has. */
export const unknownNames = (pipelines: ReadonlyArray<Pipeline.Any>, changes: Changes): ReadonlyArray<string> => {
  const steps = new Set(pipelines.flatMap((pipeline) => pipeline.steps.map(({ name }) => name)))
  const tasks = new Set(pipelines.flatMap((pipeline) => pipeline.steps.map(({ task }) => task.name)))
  return [
    ...Object.keys({ ...changes.fail, ...changes.delay })
      .filter((name) => !steps.has(name))
      .map((name) => `step '${name}'`),
    ...(changes.replace ?? []).filter(({ task }) => !tasks.has(task)).map(({ task }) => `task '${task}'`)
  ]
}

const changed = ({ name, task }: Step, changes: Changes, time: VirtualTime): Task.Any => {
  // Called as a method: it may need its own object.
  const code = changes.replace?.find((replacement) => replacement.task === task.name) ?? task
  const fail = own(changes.fail, name)
  const delay = own(changes.delay, name)
  const run: Task.Any["run"] = (inputs, context) => {
    const work = time.work(`step '${name}'`)
    // Told to stop, it may go on for ever; nobody waits for it any more.
    context.signal.addEventListener("abort", () => work.end(), { once: true })
    const at: At = { attempt: context.attempt, item: context.item }
    const failure = failureOf(fail, at)
    const delayMillis = typeof delay === "function" ? delay(at) : (delay ?? 0)
    if (failure === undefined && delayMillis === 0) return watched(() => code.run(inputs, context), work, time)
    const failing = Effect.suspend(() =>
      failure === undefined ? effectOf(code.run(inputs, context)) : Effect.fail(failure.error)
    )
    return watchedEffect(Effect.andThen(Effect.sleep(delayMillis), failing), work, time) as Effect.Effect<never>
  }
  // Its timeout counts by virtual time, as every other.
  return { ...task, run, thread: undefined }
}

const own = <A>(record: Readonly<Record<string, A>> | undefined, name: string): A | undefined =>
  record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined

const failureOf = (
  fail: number | ((at: At) => unknown) | undefined,
  at: At
): { readonly error: unknown } | undefined => {
  if (typeof fail === "number") {
    return at.attempt <= fail ? { error: new Error(`injected failure of attempt ${at.attempt}`) } : undefined
  }
  const error = fail?.(at)
  return error === undefined ? undefined : { error }
}

/** Calls code as it is; for as long as it goes on, it is at work. */
const watched = (call: () => unknown, work: Work, time: VirtualTime): never => {
  let returned: unknown
  try {
    returned = call()
  } catch (error) {
    work.end()
    throw error
  }
  if (Effect.isEffect(returned)) return watchedEffect(returned as Effect.Effect<unknown, unknown>, work, time) as never
  if (isPromiseLike(returned)) {
    const end = (): void => work.end()
    returned.then(end, end)
  } else work.end()
  return returned as never
}

const watchedEffect = (
  effect: Effect.Effect<unknown, unknown>,
  work: Work,
  time: VirtualTime
): Effect.Effect<unknown, unknown> =>
  effect.pipe(Effect.provideService(Clock.Clock, time.clockOf(work)), Effect.ensuring(Effect.sync(() => work.end())))
