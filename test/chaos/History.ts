/** What was done to whom and when, so that what comes of it can be told from what should not have happened. */

/** Acts against one process. */
export type ProcessAct = "kill worker" | "freeze worker" | "drain worker" | "kill server" | "step clock"

/** Acts against Redis, or the network of several processes. */
export type CommonAct = "kill redis" | "cut" | "delay" | "swallow"

export type Kind = ProcessAct | CommonAct

/** Whose network is struck. */
export type Whose = "workers" | "servers" | "all"

/** One act. Instants are milliseconds since 1970; `to` is infinite while it lasts. */
export interface Act {
  readonly kind: Kind
  /** The process that it was done to, of acts against one. */
  readonly pid: number | undefined
  /** What was done, in more words. */
  readonly detail: string
  readonly whose: Whose
  readonly from: number
  to: number
}

/** A worker that was told to end. */
export interface Drain {
  readonly pid: number
  readonly from: number
  readonly to: number
  /** How it ended. */
  readonly end: string
}

/** What was done. */
export class History {
  readonly acts: Array<Act> = []
  readonly drains: Array<Drain> = []
  /** Processes that ended though nothing was done to them, and Redis was there when they started. */
  readonly broken: Array<string> = []
  /** Times in which Redis itself took long to answer the driver, though nobody had done anything to it. */
  readonly slowness: Array<{ readonly from: number; readonly to: number }> = []
  readonly #say: (line: string) => void
  readonly #startedAt: number = Date.now()

  constructor(say: (line: string) => void) {
    this.#say = say
  }

  begin(kind: Kind, pid?: number, detail = "", whose: Whose = "all"): Act {
    const act: Act = { kind, pid, detail, whose, from: Date.now(), to: Number.POSITIVE_INFINITY }
    this.acts.push(act)
    this.say(`${kind} ${pid ?? `of ${whose}`}${detail === "" ? "" : ` (${detail})`}`)
    return act
  }

  /** Redis took from then until now to answer: its own fault, unless it was killed in that time. */
  answeredLate(from: number): void {
    const wasKilled = this.acts.some(({ kind, to }) => kind === "kill redis" && to >= from)
    if (!wasKilled) this.slowness.push({ from, to: Date.now() })
  }

  say(line: string): void {
    this.#say(`${((Date.now() - this.#startedAt) / 1000).toFixed(1).padStart(7)} s  ${line}`)
  }
}
