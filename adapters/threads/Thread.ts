/** One thread of the runtime. It runs one call after another. */
import * as Exit from "effect/Exit"
import type { Level } from "../../core/task/Log.ts"
import type { ThreadCall } from "../../core/task/Threads.ts"
import { StepTimedOut } from "../../core/values/Errors.ts"
import { BOOTSTRAP, type End, type Order, type Raised, type Report, STOPPED, type Start, UNREAD } from "./Bootstrap.ts"
import { ModuleUnusable, NotCopied, ThreadEnded } from "./Errors.ts"
import type { WorkerThread, WorkerThreads } from "./WorkerThreads.ts"

/** How long a task may take to stop after an abort, in milliseconds. Then its thread is terminated. */
export const STOP_MILLIS = 250

/** The longest delay of a timer, in milliseconds: about 24 days. Longer timeouts are not enforced here. */
const MAX_TIMER = 2 ** 31 - 1

type Timer = ReturnType<typeof setTimeout>

/** The result of a call. Undefined: the thread ended before it called the module, so another thread may run the call. */
type CallResult = Exit.Exit<unknown, unknown> | undefined

interface OngoingCall {
  readonly id: number
  readonly call: ThreadCall
  end: (result: CallResult) => void
  isCalled: boolean
  isStopping: boolean
  timer: Timer | undefined
  /** The result once the call has stopped, in place of its own: the timeout. */
  override: Exit.Exit<unknown, unknown> | undefined
}

/** A thread. It keeps the process alive only during a call. */
export class Thread {
  readonly #worker: WorkerThread
  readonly #onEnd: (thread: Thread) => void
  readonly #shared = new Int32Array(new SharedArrayBuffer(8))
  #calls = 0
  #current: OngoingCall | undefined = undefined
  /** The error that the thread crashed with. */
  #crash: { readonly error: unknown } | undefined = undefined
  /** Whether the thread has ended or is being terminated. */
  isOver = false

  constructor({ Worker }: WorkerThreads, onEnd: (thread: Thread) => void) {
    this.#onEnd = onEnd
    const start: Start = { shared: this.#shared.buffer }
    this.#worker = new Worker(BOOTSTRAP, { eval: true, workerData: start })
    this.#worker.on("message", (report) => this.#onReport(report as Report))
    this.#worker.on("error", (error) => {
      this.#crash ??= { error }
      this.isOver = true
    })
    this.#worker.on("exit", (code) => this.#onExit(code))
  }

  /** Begins a call; calls `end` once with its result. */
  begin(call: ThreadCall, end: (result: CallResult) => void): void {
    const id = ++this.#calls
    this.#current = { id, call, end, isCalled: false, isStopping: false, timer: undefined, override: undefined }
    this.#worker.ref()
    const { runId, pipelineId, step, item, attempt, traceparent } = call.context
    const context = { runId, pipelineId, step, item, attempt, traceparent }
    try {
      this.#post({ call: id, module: call.module, inputs: call.inputs, context })
    } catch (error) {
      this.#end(Exit.fail(new NotCopied("its inputs", error instanceof Error ? error.message : String(error))))
    }
  }

  /** Aborts the current call. Resolves when it has stopped or the thread is terminated. */
  stop(): Promise<void> {
    const current = this.#current
    if (current === undefined) return Promise.resolve()
    return new Promise((resolve) => {
      current.end = () => resolve()
      this.#stop(current)
    })
  }

  async terminate(): Promise<void> {
    this.isOver = true
    try {
      await this.#worker.terminate()
    } catch {
      // The thread has already ended.
    }
    // Not every runtime emits `exit` after a termination.
    this.#onExit(1)
  }

  #post(order: Order): void {
    this.#worker.postMessage(order)
  }

  #stop(current: OngoingCall): void {
    if (current.isStopping) return
    current.isStopping = true
    clearTimeout(current.timer)
    current.timer = setTimeout(() => void this.terminate(), STOP_MILLIS)
    Atomics.store(this.#shared, STOPPED, current.id)
    this.#post("stop")
  }

  #onReport(report: Report): void {
    if (report.type === "progress" || report.type === "log") Atomics.sub(this.#shared, UNREAD, 1)
    const current = this.#current
    // A task may still log or report progress after it has returned.
    if (current === undefined || current.id !== report.call) return
    const { context, module } = current.call
    if (report.type === "begun") this.#startTimeout(current)
    else if (report.type === "called") current.isCalled = true
    else if (report.type === "progress") context.progress(report.done, report.total)
    else if (report.type === "log") {
      context.log(report.message, report.fields as Record<string, unknown> | undefined, report.level as Level)
    } else {
      const { dropped } = report
      if (dropped > 0) context.log(`${dropped} log lines were dropped, because they came too fast`, {}, "warn")
      this.#end(exitOf(report, module))
    }
  }

  #startTimeout(current: OngoingCall): void {
    const { timeoutMillis } = current.call
    if (timeoutMillis === undefined || timeoutMillis > MAX_TIMER || current.isStopping) return
    current.timer = setTimeout(() => {
      current.override = Exit.fail(new StepTimedOut(timeoutMillis))
      this.#stop(current)
    }, timeoutMillis)
  }

  #onExit(code: number): void {
    this.isOver = true
    this.#onEnd(this)
    // If the module was not called yet, code left over from an earlier call has ended the thread.
    const isLost = this.#current?.isCalled === false && !this.#current.isStopping && this.#calls > 1
    this.#end(isLost ? undefined : Exit.fail(new ThreadEnded(code, this.#crash?.error)))
  }

  #end(result: CallResult): void {
    const current = this.#current
    if (current === undefined) return
    this.#current = undefined
    clearTimeout(current.timer)
    this.#worker.unref()
    current.end(current.override ?? result)
  }
}

/** The result of a call that the thread has reported. */
const exitOf = (end: End, module: string): Exit.Exit<unknown, unknown> => {
  switch (end.type) {
    case "returned":
      return Exit.succeed(end.outputs)
    case "raised":
      return Exit.fail(errorOf(end.error))
    case "unloaded":
      return Exit.fail(new ModuleUnusable(module, errorOf(end.error)))
    case "uncopied": {
      const value = end.output === undefined ? "the value that it returned" : `output '${end.output}'`
      return Exit.fail(new NotCopied(value, end.why))
    }
  }
}

/** Rebuilds an error of the thread, with its name, message, tag, frames and cause. */
const errorOf = (raised: Raised): unknown => {
  if ("value" in raised) return raised.value
  const { name, message, tag, frames, cause } = raised
  const error = new Error(message, cause === undefined ? undefined : { cause: errorOf(cause) })
  if (name !== undefined) error.name = name
  // Its own stack would show this function, not the place in the thread.
  if (frames === undefined) delete error.stack
  else error.stack = frames
  return tag === undefined ? error : Object.assign(error, { _tag: tag })
}
