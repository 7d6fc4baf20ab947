/** Errors as a run records them. */
import * as Predicate from "effect/Predicate"
import { Failure } from "./Failure.ts"
import * as Stack from "./Stack.ts"
import * as Text from "./Text.ts"

/** An error as a run records it: plain data, bounded. */
export interface ErrorInfo {
  /** The tag or class of the error: `TaskFailed`, `InvalidOutput`, `RunTimedOut`, … */
  readonly name: string
  readonly message: string
  /** The step that failed, when it was a step. */
  readonly step?: string
  /** Which item of a map, filter or reduce failed, from 0. */
  readonly item?: number
  /**
   * Where the code of a task raised it: lines such as `at run (/srv/app/tasks.ts:12:9)`, without frames of Levada and effect.
   * At most 20 lines and 4,000 bytes in UTF-8. Only for callers with `admin`: it has paths of the host.
   */
  readonly stack?: string
  /** The error that the task itself raised. */
  readonly cause?: ErrorInfo
}

const MAX_MESSAGE = 2_000
const MAX_CAUSES = 5

/** Any thrown value or failure as data: name, message of at most 2,000 characters and up to five causes, no stack. */
export const describe = (error: unknown): ErrorInfo => readSafely(error, noStack)

/** The same for an error from the code of a task: with its stack and those of its causes. */
export const describeWithStack = (error: unknown): ErrorInfo => readSafely(error, stackOf)

type StackOf = (error: Error) => string | undefined

const noStack: StackOf = () => undefined

// Levada's own failures say all in their message.
const stackOf: StackOf = (error) => (error instanceof Failure ? undefined : Stack.of(error))

const readSafely = (error: unknown, stackOf: StackOf): ErrorInfo => {
  try {
    return read(error, 0, stackOf)
  } catch {
    return { name: "Error", message: "An error that throws when its fields are read" }
  }
}

const read = (error: unknown, depth: number, stackOf: StackOf): ErrorInfo => {
  if (!Predicate.isObject(error)) return { name: "Error", message: clip(String(error)) }
  const { _tag: tag, name, cause } = error as { _tag?: unknown; name?: unknown; cause?: unknown }
  const stack = error instanceof Error ? stackOf(error) : undefined
  return {
    name: clip(typeof tag === "string" ? tag : error instanceof Error && typeof name === "string" ? name : "Error"),
    message: clip(messageOf(error)),
    ...(stack !== undefined && { stack }),
    ...(cause === undefined || depth >= MAX_CAUSES ? undefined : { cause: read(cause, depth + 1, stackOf) })
  }
}

const messageOf = (error: object): string => {
  const message = (error as { message?: unknown }).message
  // Some messages contain a stack: that of the error itself or of another one.
  if (typeof message === "string" && message !== "") return cut(message).replace(/\n[ \t]*at [^\n]*/g, "")
  if (error instanceof Error) return String(error.name)
  // Its other fields are not recorded: a failed request, for example, may contain its token.
  return "An object without a message was thrown"
}

// Bounds the work of the regular expression: a message may be a whole page.
const cut = (text: string): string => text.slice(0, 4 * MAX_MESSAGE)

const clip = (text: string): string => Text.clip(text, MAX_MESSAGE)

// -- errors that a Store records -------------------------------------------------------------------------------------

/** The run took longer than its timeout. */
export const runTimedOut = (timeoutMillis: number): ErrorInfo => ({
  name: "RunTimedOut",
  message: `The run took longer than ${timeoutMillis} ms`
})

/** A caller cancelled the step. */
export const stepCancelled = (step: string, reason: string): ErrorInfo => ({
  name: "StepCancelled",
  message: `Step '${step}' was cancelled: ${reason}`,
  step
})

/** Several workers in a row stopped renewing the lease of a step or item. */
export const workerLost = (step: string, item: number | undefined, losses: number): ErrorInfo => ({
  name: "WorkerLost",
  message: `Step '${step}' lost ${losses} workers: they crashed while running it, or were too busy to renew its lease`,
  step,
  ...(item !== undefined && { item })
})

/** The inputs of a step have more bytes together than one call may have. */
export const inputsTooLarge = (step: string, bytes: number, maxBytes: number): ErrorInfo => ({
  name: "ValueTooLarge",
  message: `The inputs of step '${step}' have ${bytes} bytes of JSON together; a step takes at most ${maxBytes}. Pass references to large values instead`,
  step
})

/** The list of a step's results has more bytes than one value may have. */
export const resultsTooLarge = (step: string, maxBytes: number): ErrorInfo => ({
  name: "ValueTooLarge",
  message: `The list of results of step '${step}' has more than ${maxBytes} bytes of JSON, the most for one value. Return references to large results instead`,
  step
})

/** The most items that an error names. */
export const MAX_NAMED_ITEMS = 10

/** The failed items of a step. */
export interface FailedItems {
  readonly failed: number
  /** How many items the step has. */
  readonly count: number
  readonly tolerated: number
  /** The first failed items, in order: at most 10. */
  readonly items: ReadonlyArray<number>
  /** Why the first of them failed. */
  readonly cause: ErrorInfo
}

/** More items of a step failed than it tolerates. */
export const itemsFailed = (step: string, { failed, count, tolerated, items, cause }: FailedItems): ErrorInfo => ({
  name: "ItemsFailed",
  message: clip(
    `${failed} of ${count} items of step '${step}' failed, but at most ${tolerated} may; ` +
      `the first failed: ${items.join(", ")}. ${cause.message}`
  ),
  step,
  cause
})
