/** The events of a run as lines, for output that is no terminal: a log, a file, a pipe. */
import { duration, signOf } from "../../core/render/Words.ts"
import type { Event } from "../../core/run/Event.ts"
import type { StepStatus } from "../../core/run/Run.ts"
import { plain } from "./Cells.ts"
import { grouped, why } from "./Frame.ts"

/** Turns the events of one run into lines, in order. */
export class Lines {
  /** For each step, by index: how many tenths of its progress have been told. */
  readonly #tenths = new Map<number, number>()
  /** For each step, by index: how many of its items failed. */
  readonly #failed = new Map<number, number>()
  /** The steps of which a retry of an item was told. */
  readonly #retried = new Set<number>()

  /**
   * The line for an event; undefined where it needs none. Progress has a line for every 10 %; of the failed items of a
   * step, the first has a line, and the others are counted. The end of the run has no line here.
   */
  take(event: Event): string | undefined {
    switch (event.type) {
      case "RunStarted":
        return `${signOf("RUNNING")} ${plain(event.pipelineId)} running · run ${plain(event.runId)}`
      case "RunCompleted":
      case "RunFailed":
      case "RunCancelled":
        return undefined
      case "StepStarted":
        this.#tenths.delete(event.index)
        this.#failed.delete(event.index)
        return line("RUNNING", event, event.attempt > 1 && `attempt ${event.attempt}`)
      case "StepProgressed": {
        const tenths = event.total > 0 ? Math.floor((event.done / event.total) * 10) : 10
        if (tenths <= (this.#tenths.get(event.index) ?? 0)) return undefined
        this.#tenths.set(event.index, tenths)
        const failed = this.#failed.get(event.index) ?? 0
        const done = `${grouped(event.done)} of ${grouped(event.total)}`
        return line("RUNNING", event, done, failed > 0 && `${grouped(failed)} failed`)
      }
      case "StepCompleted":
        return line(
          "COMPLETED",
          event,
          event.arm,
          event.memoised && "memoised",
          event.itemsFailed !== undefined && event.itemsFailed > 0 && `${grouped(event.itemsFailed)} failed`,
          event.attempt > 1 && `attempt ${event.attempt}`,
          duration(event.durationMillis)
        )
      case "StepRetried": {
        if (event.item !== undefined && this.#retried.has(event.index)) return undefined
        if (event.item !== undefined) this.#retried.add(event.index)
        const next = `attempt ${event.attempt + 1} in ${duration(event.waitMillis)}`
        return line(event.item === undefined ? "PENDING" : "RUNNING", event, next, `last error: ${why(event.error)}`)
      }
      case "StepItemFailed": {
        const failed = (this.#failed.get(event.index) ?? 0) + 1
        this.#failed.set(event.index, failed)
        if (failed > 1) return undefined
        return line("RUNNING", event, "an item failed", why(event.error))
      }
      case "StepFailed": {
        const attempt = event.attempt > 1 && `attempt ${event.attempt}`
        return line("FAILED", event, attempt, duration(event.durationMillis), why(event.error))
      }
      case "StepReleased":
        return event.item === undefined ? line("PENDING", event, plain(event.reason)) : undefined
      case "StepSkipped":
        return line("SKIPPED", event, plain(event.reason))
      case "StepCancelled":
        return line("CANCELLED", event, plain(event.reason))
    }
  }
}

const line = (
  status: StepStatus,
  { step }: { readonly step: string },
  ...details: ReadonlyArray<string | false | undefined>
): string => [`${signOf(status)} ${plain(step)} ${status.toLowerCase()}`, ...details.filter((text) => text)].join(" · ")
