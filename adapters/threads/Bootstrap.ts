/**
 * The program of a thread, and what it and the main thread say to each other. It is a text, so that it needs no file of its
 * own: it starts from the sources, from the package and from a bundle alike.
 */
import { MAX_LENGTH } from "../../core/task/Log.ts"

/** What a thread starts with. */
export interface Start {
  /** What both threads see at once, also while a task computes: two numbers, at `UNREAD` and `STOPPED`. */
  readonly shared: SharedArrayBuffer
}

/** Where it is counted how many lines and changes of progress the thread has sent and the main thread has not read. */
export const UNREAD = 0

/** Where the number of the call is that is to stop. */
export const STOPPED = 1

/** What the main thread says: a call, or that the call under way is to stop. */
export type Order =
  | { readonly call: number; readonly module: string; readonly inputs: unknown; readonly context: object }
  | "stop"

/** An error as it is sent: its name, its message, its tag, and up to five causes. */
export type Raised =
  | { readonly value: unknown }
  | {
      readonly name: string | undefined
      readonly message: string
      readonly tag: string | undefined
      readonly cause: Raised | undefined
    }

/** What a thread says of a call while that goes on. */
type Note =
  /** It has the call, and loads the module. */
  | { readonly type: "begun" }
  /** The module has the call: should the thread end from now on, the module may have caused it. */
  | { readonly type: "called" }
  | { readonly type: "progress"; readonly done: number; readonly total: number }
  | { readonly type: "log"; readonly message: string; readonly fields: object | undefined; readonly level: string }

/** What a thread says of a call at its end, and how many lines it has dropped. */
export type End = { readonly dropped: number } & (
  | { readonly type: "returned"; readonly outputs: unknown }
  | { readonly type: "raised"; readonly error: Raised }
  /** `output` is the key of what can't be copied; undefined when it is the whole value. */
  | { readonly type: "uncopied"; readonly output: string | undefined; readonly why: string }
  | { readonly type: "unloaded"; readonly error: Raised }
)

/** What a thread says, each about one call. */
export type Report = { readonly call: number } & (Note | End)

/** How many lines and changes of progress may wait for the main thread. Beyond that a thread drops them. */
export const MAX_UNREAD = 1_000

/** The longest text of an error that is sent, in UTF-16 units. */
const MAX_TEXT = 8_000

const MAX_CAUSES = 5

/** The program. `process.getBuiltinModule` is there whether the runtime takes the text for a script or for a module. */
export const BOOTSTRAP: string = `"use strict"
const { parentPort, workerData } = process.getBuiltinModule("node:worker_threads")
const shared = new Int32Array(workerData.shared)
let controller

const text = (value) => (typeof value === "string" ? value.slice(0, ${MAX_TEXT}) : undefined)

const raised = (error, causes) => {
  try {
    if (typeof error === "symbol") return { value: String(error) }
    if (error === null || (typeof error !== "object" && typeof error !== "function")) return { value: text(error) ?? error }
    const { name, message, _tag, cause } = error
    return {
      name: text(name),
      message: text(message) ?? "An object without a message",
      tag: text(_tag),
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

const contextOf = (call, given) => {
  const ownController = controller
  let percent = -1
  let dropped = 0
  const tell = (report) => {
    if (Atomics.load(shared, ${UNREAD}) >= ${MAX_UNREAD}) return false
    Atomics.add(shared, ${UNREAD}, 1)
    parentPort.postMessage({ call, ...report })
    return true
  }
  const context = {
    ...given,
    // A task that computes gets no message, so each look at it looks at what both threads see.
    get signal() {
      if (Atomics.load(shared, ${STOPPED}) === call) ownController.abort()
      return ownController.signal
    },
    progress: (done, total) => {
      if (typeof done !== "number" || typeof total !== "number") return
      const now = Math.floor((100 * done) / total)
      if (now !== percent && tell({ type: "progress", done, total })) percent = now
    },
    log: (message, fields, level) => {
      if (!tell({ type: "log", message: messageOf(message), fields: fieldsOf(fields), level: text(level) ?? "info" })) dropped++
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

const work = async ({ call, module, inputs, context: given }) => {
  controller = new AbortController()
  const { context, end } = contextOf(call, given)
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
