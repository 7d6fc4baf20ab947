/**
 * The program of a thread, and the messages between it and the main thread. The program is a text and not a file, so that it
 * works from source, from the package and from a bundle.
 */
import { MAX_LENGTH } from "../../core/task/Log.ts"

/** The data that a thread starts with. */
export interface Start {
  /** Memory that both threads share, readable even while a task computes: two numbers, at `UNREAD` and `STOPPED`. */
  readonly shared: SharedArrayBuffer
}

/** Index of the number of log lines and progress reports that the main thread has not read yet. */
export const UNREAD = 0

/** Index of the number of the call that should stop. */
export const STOPPED = 1

/** A message from the main thread: a call, or `stop` for the current call. */
export type Order =
  | { readonly call: number; readonly module: string; readonly inputs: unknown; readonly context: object }
  | "stop"

/** An error in a message: its name, message, tag and frames, and up to five causes. */
export type Raised =
  | { readonly value: unknown }
  | {
      readonly name: string | undefined
      readonly message: string
      readonly tag: string | undefined
      /** The stack after the message. */
      readonly frames: string | undefined
      readonly cause: Raised | undefined
    }

/** A message from a thread during a call. */
type Notice =
  /** The thread has received the call and loads the module. */
  | { readonly type: "begun" }
  /** The thread calls the module now. If it ends after this, the module may be the cause. */
  | { readonly type: "called" }
  | { readonly type: "progress"; readonly done: number; readonly total: number }
  | { readonly type: "log"; readonly message: string; readonly fields: object | undefined; readonly level: string }

/** A message from a thread at the end of a call, with the number of log lines that it dropped. */
export type End = { readonly dropped: number } & (
  | { readonly type: "returned"; readonly outputs: unknown }
  | { readonly type: "raised"; readonly error: Raised }
  /** `output` is the key of the value that cannot be copied; undefined if it is the whole result. */
  | { readonly type: "uncopied"; readonly output: string | undefined; readonly why: string }
  | { readonly type: "unloaded"; readonly error: Raised }
)

/** A message from a thread about one call. */
export type Report = { readonly call: number } & (Notice | End)

/** How many log lines and progress reports may wait for the main thread. A thread drops further ones. */
export const MAX_UNREAD = 1_000

/** The longest text in an error that is sent, in UTF-16 units. */
const MAX_TEXT = 8_000

const MAX_CAUSES = 5

/** The program. It uses `process.getBuiltinModule`, which works both in a script and in a module. */
export const BOOTSTRAP: string = `"use strict"
const { parentPort, workerData } = process.getBuiltinModule("node:worker_threads")
const shared = new Int32Array(workerData.shared)
let controller

const text = (value) => (typeof value === "string" ? value.slice(0, ${MAX_TEXT}) : undefined)

const framesOf = (error) => {
  try {
    const { stack, message } = error
    const at = stack.indexOf(message)
    return text(at === -1 || stack.slice(0, at).includes("\\n") ? stack : stack.slice(at + message.length))
  } catch {
    return undefined
  }
}

const raised = (error, causes) => {
  try {
    if (typeof error === "symbol") return { value: String(error) }
    if (error === null || (typeof error !== "object" && typeof error !== "function")) return { value: text(error) ?? error }
    const { name, message, _tag, cause } = error
    return {
      name: text(name),
      message: text(message) ?? "An object without a message was thrown",
      tag: text(_tag),
      frames: error instanceof Error ? framesOf(error) : undefined,
      cause: cause === undefined || causes === 0 ? undefined : raised(cause, causes - 1)
    }
  } catch {
    return { name: "Error", message: "An error that throws when its fields are read" }
  }
}

const fieldsOf = (fields) => {
  if (fields === undefined || fields === null) return undefined
  try {
    const json = JSON.stringify(fields)
    if (json === undefined) return { note: "fields that are no JSON are not kept" }
    return json.length <= ${MAX_LENGTH} ? JSON.parse(json) : { note: "fields of more than ${MAX_LENGTH} characters of JSON are not kept" }
  } catch {
    return { note: "fields that are no JSON are not kept" }
  }
}

const messageOf = (message) => {
  try {
    return String(message).slice(0, ${MAX_LENGTH + 1})
  } catch {
    return "a message that is no text"
  }
}

const contextOf = (call, base) => {
  const ownController = controller
  let percent = -1
  let dropped = 0
  const send = (report) => {
    if (Atomics.load(shared, ${UNREAD}) >= ${MAX_UNREAD}) return false
    Atomics.add(shared, ${UNREAD}, 1)
    parentPort.postMessage({ call, ...report })
    return true
  }
  const context = {
    ...base,
    // A task that computes receives no messages, so each read of \`signal\` checks the shared memory.
    get signal() {
      if (Atomics.load(shared, ${STOPPED}) === call) ownController.abort()
      return ownController.signal
    },
    progress: (done, total) => {
      if (typeof done !== "number" || typeof total !== "number") return
      const now = Math.floor((100 * done) / total)
      if (now !== percent && send({ type: "progress", done, total })) percent = now
    },
    log: (message, fields, level) => {
      if (!send({ type: "log", message: messageOf(message), fields: fieldsOf(fields), level: text(level) ?? "info" })) dropped++
    }
  }
  const end = (report) => {
    parentPort.postMessage({ call, ...report, dropped })
  }
  return { context, end }
}

const load = async (module) => {
  const loaded = await import(module)
  const found = typeof loaded.default === "function" ? loaded.default : loaded.run
  if (typeof found !== "function") throw new TypeError("it exports no function as default or run")
  return found
}

const uncopied = (outputs, error) => {
  const isUncopied = (key) => {
    try {
      structuredClone(outputs[key])
      return false
    } catch {
      return true
    }
  }
  const output = outputs !== null && typeof outputs === "object" ? Object.keys(outputs).find(isUncopied) : undefined
  return { type: "uncopied", output, why: text(error?.message) ?? "" }
}

const work = async ({ call, module, inputs, context: base }) => {
  controller = new AbortController()
  const { context, end } = contextOf(call, base)
  parentPort.postMessage({ call, type: "begun" })
  let run
  try {
    run = await load(module)
  } catch (error) {
    return end({ type: "unloaded", error: raised(error, ${MAX_CAUSES}) })
  }
  parentPort.postMessage({ call, type: "called" })
  let outputs
  try {
    outputs = await run(inputs, context)
  } catch (error) {
    return end({ type: "raised", error: raised(error, ${MAX_CAUSES}) })
  }
  try {
    end({ type: "returned", outputs })
  } catch (error) {
    end(uncopied(outputs, error))
  }
}

parentPort.on("message", (order) => {
  if (order === "stop") controller?.abort()
  else work(order)
})
`
