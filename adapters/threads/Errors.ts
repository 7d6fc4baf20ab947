/** Why a call of a module in a thread fails, besides the module's own errors. */
import { Failure } from "../../core/values/Failure.ts"

/** A thread that ended before the task returned: it crashed, ran out of memory, or the task called `process.exit`. */
export class ThreadEnded extends Failure<"ThreadEnded"> {
  /** The exit code of the thread. */
  readonly code: number
  constructor(code: number, cause: unknown) {
    super("ThreadEnded", `its thread ended with exit code ${code} before the task returned`)
    this.code = code
    if (cause !== undefined) this.cause = cause
  }
}

/** A module that can't be imported, or exports no function. */
export class ModuleUnusable extends Failure<"ModuleUnusable"> {
  readonly module: string
  constructor(module: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause)
    super("ModuleUnusable", `module ${module.slice(0, MAX_MODULE)} cannot be used: ${why}`)
    this.module = module
    this.cause = cause
  }
}

/** How much of a module's URL a message shows: one of the scheme `data:` may be long. */
const MAX_MODULE = 300

/** An input or output that does not survive structured clone. */
export class NotCopied extends Failure<"NotCopied"> {
  constructor(what: string, why: string) {
    super("NotCopied", `${what} cannot be copied between threads: ${why}. Pass plain data`)
  }
}
