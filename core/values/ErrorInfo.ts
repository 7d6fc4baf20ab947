/** An error as a run keeps it. */
import * as Predicate from "effect/Predicate"
import * as Text from "./Text.ts"

/** An error as a run keeps it: plain data, bounded, without a stack. */
export interface ErrorInfo {
  /** The tag or class of the error: `TaskFailed`, `InvalidOutput`, `RunTimedOut`, … */
  readonly name: string
  readonly message: string
  /** The step that failed, when it was a step. */
  readonly step?: string
  /** Which item of a map, filter or reduce failed, from 0. */
  readonly item?: number
  /** What the task itself raised. */
  readonly cause?: ErrorInfo
}

const MAX_MESSAGE = 2_000
const MAX_CAUSES = 5

/** Turns anything that was thrown or failed with into data: name, message and up to five causes, no stack. */
export const describe = (error: unknown): ErrorInfo => {
  try {
    return read(error, 0)
  } catch {
    return { name: "Error", message: "It throws when it is looked at" }
  }
}

const read = (error: unknown, depth: number): ErrorInfo => {
  if (!Predicate.isObject(error)) return { name: "Error", message: clip(String(error)) }
  const { _tag: tag, name, cause } = error as { _tag?: unknown; name?: unknown; cause?: unknown }
  return {
    name: clip(typeof tag === "string" ? tag : error instanceof Error && typeof name === "string" ? name : "Error"),
    message: clip(messageOf(error)),
    ...(cause === undefined || depth >= MAX_CAUSES ? undefined : { cause: read(cause, depth + 1) })
  }
}

const messageOf = (error: object): string => {
  const message = (error as { message?: unknown }).message
  // Some errors have their stack, or another error's, in their message.
  if (typeof message === "string" && message !== "") return cut(message).replace(/\n[ \t]*at [^\n]*/g, "")
  if (error instanceof Error) return String(error.name)
  // What else is in it nobody knows: a request that failed may carry its token.
  return "An object without a message"
}

// Before it is looked through: a message may be a whole page.
const cut = (text: string): string => text.slice(0, 4 * MAX_MESSAGE)

const clip = (text: string): string => Text.clip(text, MAX_MESSAGE)

// -- what a Store itself records -------------------------------------------------------------------------------------

/** A run that took longer than it may. */
export const runTimedOut = (timeoutMillis: number): ErrorInfo => ({
  name: "RunTimedOut",
  message: `The run took longer than ${timeoutMillis} ms`
})

/** A step that somebody ended. */
export const stepCancelled = (step: string, reason: string): ErrorInfo => ({
  name: "StepCancelled",
  message: `Step '${step}' was cancelled: ${reason}`,
  step
})

/** A step or item whose workers did not come back, time and again. */
export const workerLost = (step: string, item: number | undefined, losses: number): ErrorInfo => ({
  name: "WorkerLost",
  message: `Step '${step}' has lost ${losses} workers: they crash over it, or are too busy to renew its lease`,
  step,
  ...(item !== undefined && { item })
})

/** A step whose inputs are together more than one call may be given. */
export const inputsTooLarge = (step: string, bytes: number, maxBytes: number): ErrorInfo => ({
  name: "ValueTooLarge",
  message: `The inputs of step '${step}' have ${bytes} bytes of JSON together; at most ${maxBytes} are passed to a step. Pass references to them instead`,
  step
})

/** A list of results that is longer than a value may be. */
export const resultsTooLarge = (step: string, maxBytes: number): ErrorInfo => ({
  name: "ValueTooLarge",
  message: `Step '${step}' has more results than the ${maxBytes} bytes of JSON that are kept of a value. Return references to them instead`,
  step
})

/** How many items an error names. */
export const MAX_NAMED_ITEMS = 10

/** What is known of a step of which more items failed than it tolerates. */
export interface FailedItems {
  readonly failed: number
  readonly count: number
  readonly tolerated: number
  /** The first failed items, in order: at most 10. */
  readonly items: ReadonlyArray<number>
  /** Why the first of them failed. */
  readonly cause: ErrorInfo
}

/** A step of which more items failed than it tolerates. */
export const itemsFailed = (step: string, { failed, count, tolerated, items, cause }: FailedItems): ErrorInfo => ({
  name: "ItemsFailed",
  message: clip(
    `${failed} of ${count} items of step '${step}' failed, and ${tolerated} are tolerated; ` +
      `the first: ${items.join(", ")}. ${cause.message}`
  ),
  step,
  cause
})
