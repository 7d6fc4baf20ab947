/** One thread of the runtime, which works on one call after the other. */
import * as Exit from "effect/Exit"
import type { Level } from "../../core/task/Log.ts"
import type { ThreadCall } from "../../core/task/Threads.ts"
import { StepTimedOut } from "../../core/values/Errors.ts"
import { BOOTSTRAP, type End, type Order, type Raised, type Report, STOPPED, type Start, UNREAD } from "./Bootstrap.ts"
import { ModuleUnusable, NotCopied, ThreadEnded } from "./Errors.ts"
import type { WorkerThread, WorkerThreads } from "./WorkerThreads.ts"

/** How long a task that was told to stop may take to do so, in milliseconds; then its thread is terminated. */
export const STOP_MILLIS = 250

/** The longest time that a timer of the runtime counts, in milliseconds: 24 days. What may take longer is not timed. */
const MAX_TIMER = 2 ** 31 - 1

type Timer = ReturnType<typeof setTimeout>

/** What a call came to. `undefined`: the thread ended before the module had the call, so another may take it. */
type Ended = Exit.Exit<unknown, unknown> | undefined

interface Work {
  readonly id: number
  readonly call: ThreadCall
  end: (ended: Ended) => void
  isCalled: boolean
  isStopping: boolean
  timer: Timer | undefined
  /** What it comes to once it has stopped. */
  instead: Exit.Exit<unknown, unknown> | undefined
}

/** A thread. Keeps the process alive only while it works. */
export class Thread {
  readonly #worker: WorkerThread
  readonly #onEnd: (thread: Thread) => void
  readonly #shared = new Int32Array(new SharedArrayBuffer(8))
  #calls = 0
  #work: Work | undefined = undefined
  /** Why it crashed. */
  #crash: { readonly error: unknown } | undefined = undefined
  /** Whether it takes no more calls. */
  isOver = false

  constructor({ Worker }: WorkerThreads, onEnd: (thread: Thread) => void) {
    this.#onEnd = onEnd
    const start: Start = { shared: this.#shared.buffer }
    this.#worker = new Worker(BOOTSTRAP, { eval: true, workerData: start })
    this.#worker.on("message", (report) => this.#told(report as Report))
    this.#worker.on("error", (error) => {
      this.#crash ??= { error }
      this.isOver = true
    })
    this.#worker.on("exit", (code) => this.#exited(code))
  }

  /** Begins a call; `end` is told once what came of it. */
  begin(call: ThreadCall, end: (ended: Ended) => void): void {
    const id = ++this.#calls
    this.#work = { id, call, end, isCalled: false, isStopping: false, timer: undefined, instead: undefined }
    this.#worker.ref()
    const { runId, pipelineId, step, item, attempt, traceparent } = call.context
    const context = { runId, pipelineId, step, item, attempt, traceparent }
    try {
      this.#post({ call: id, module: call.module, inputs: call.inputs, context })
    } catch (error) {
      this.#end(Exit.fail(new NotCopied("its inputs", error instanceof Error ? error.message : String(error))))
    }
  }

  /** Tells the call under way to stop. Resolves once it has, or the thread was terminated. */
  stop(): Promise<void> {
    const work = this.#work
    if (work === undefined) return Promise.resolve()
    return new Promise((resolve) => {
      work.end = () => resolve()
      this.#stop(work)
    })
  }

  async terminate(): Promise<void> {
    this.isOver = true
    try {
      await this.#worker.terminate()
    } catch {
      // It has ended by itself.
    }
    // Whether the runtime tells of an end that was asked for, or not.
    this.#exited(1)
  }

  #post(order: Order): void {
    this.#worker.postMessage(order)
  }

  #stop(work: Work): void {
    if (work.isStopping) return
    work.isStopping = true
    clearTimeout(work.timer)
    work.timer = setTimeout(() => void this.terminate(), STOP_MILLIS)
    Atomics.store(this.#shared, STOPPED, work.id)
    this.#post("stop")
  }

  #told(report: Report): void {
    if (report.type === "progress" || report.type === "log") Atomics.sub(this.#shared, UNREAD, 1)
    const work = this.#work
    // A task may go on to speak after it has returned.
    if (work === undefined || work.id !== report.call) return
    const { context, module } = work.call
    if (report.type === "begun") this.#begun(work)
    else if (report.type === "called") work.isCalled = true
    else if (report.type === "progress") context.progress(report.done, report.total)
    else if (report.type === "log") {
      context.log(report.message, report.fields as Record<string, unknown> | undefined, report.level as Level)
    } else {
      const { dropped } = report
      if (dropped > 0) context.log(`${dropped} lines were dropped: they came faster than they can be kept`, {}, "warn")
      this.#end(exitOf(report, module))
    }
  }

  #begun(work: Work): void {
    const { timeoutMillis } = work.call
    if (timeoutMillis === undefined || timeoutMillis > MAX_TIMER || work.isStopping) return
    work.timer = setTimeout(() => {
      work.instead = Exit.fail(new StepTimedOut(timeoutMillis))
      this.#stop(work)
    }, timeoutMillis)
  }

  #exited(code: number): void {
    this.isOver = true
    this.#onEnd(this)
    // What ended it was left over from a call before, unless this is its first.
    const isLost = this.#work?.isCalled === false && !this.#work.isStopping && this.#calls > 1
    this.#end(isLost ? undefined : Exit.fail(new ThreadEnded(code, this.#crash?.error)))
  }

  #end(ended: Ended): void {
    const work = this.#work
    if (work === undefined) return
    this.#work = undefined
    clearTimeout(work.timer)
    this.#worker.unref()
    work.end(work.instead ?? ended)
  }
}

/** What a call came to. */
const exitOf = (end: End, module: string): Exit.Exit<unknown, unknown> => {
  switch (end.type) {
    case "returned":
      return Exit.succeed(end.outputs)
    case "raised":
      return Exit.fail(errorOf(end.error))
    case "unloaded":
      return Exit.fail(new ModuleUnusable(module, errorOf(end.error)))
    case "uncopied": {
      const what = end.output === undefined ? "the value that it returned" : `output '${end.output}'`
      return Exit.fail(new NotCopied(what, end.why))
    }
  }
}

/** An error as the thread raised it: of the same name, message, tag and cause. */
const errorOf = (raised: Raised): unknown => {
  if ("value" in raised) return raised.value
  const { name, message, tag, cause } = raised
  const error = new Error(message, cause === undefined ? undefined : { cause: errorOf(cause) })
  if (name !== undefined) error.name = name
  // It says where it was made anew, not where it was raised.
  delete error.stack
  return tag === undefined ? error : Object.assign(error, { _tag: tag })
}
