/** Failures of a call in a thread, besides the errors of the module itself. */
import { Failure } from "../../core/values/Failure.ts"

/** The thread ended before the task returned: it crashed, ran out of memory, or the task called `process.exit`. */
export class ThreadEnded extends Failure<"ThreadEnded"> {
  /** The exit code of the thread. */
  readonly code: number
  constructor(code: number, cause: unknown) {
    super("ThreadEnded", `its thread ended with exit code ${code} before the task returned`)
    this.code = code
    if (cause !== undefined) this.cause = cause
  }
}

/** The module cannot be imported, or exports no function. */
export class ModuleUnusable extends Failure<"ModuleUnusable"> {
  readonly module: string
  constructor(module: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause)
    super("ModuleUnusable", `module ${module.slice(0, MAX_MODULE)} cannot be used: ${why}`)
    this.module = module
    this.cause = cause
  }
}

/** The longest part of a module's URL that a message shows, in UTF-16 units: a `data:` URL may be long. */
const MAX_MODULE = 300

/** Structured clone cannot copy an input or an output. */
export class NotCopied extends Failure<"NotCopied"> {
  constructor(what: string, why: string) {
    super("NotCopied", `${what} cannot be copied between threads: ${why}. Pass plain data`)
  }
}
