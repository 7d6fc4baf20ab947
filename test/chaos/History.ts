/**
 * The acts of a trial: what was done to which process and when. They explain disturbances that would otherwise be
 * faults.
 */

/** Acts on one process. */
export type ProcessAct = "kill worker" | "freeze worker" | "drain worker" | "kill server" | "step clock"

/** Acts on Redis, or on the network of several processes. */
export type CommonAct = "kill redis" | "cut" | "delay" | "swallow"

export type Kind = ProcessAct | CommonAct

/** The group of processes whose network is disturbed. */
export type Whose = "workers" | "servers" | "all"

/** One act. Instants are milliseconds since 1970; `to` is infinite while it lasts. */
export interface Act {
  readonly kind: Kind
  /** The process, for acts on one process. */
  readonly pid: number | undefined
  /** A description for people. */
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

/** All acts. */
export class History {
  readonly acts: Array<Act> = []
  readonly drains: Array<Drain> = []
  /** Processes that ended without an act on them, while Redis had been available at their start. */
  readonly broken: Array<string> = []
  /** Times when Redis answered the driver slowly without any act on it. */
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

  /** Redis took from then until now to answer: its own slowness, unless it was killed in that time. */
  answeredLate(from: number): void {
    const wasKilled = this.acts.some(({ kind, to }) => kind === "kill redis" && to >= from)
    if (!wasKilled) this.slowness.push({ from, to: Date.now() })
  }

  say(line: string): void {
    this.#say(`${((Date.now() - this.#startedAt) / 1000).toFixed(1).padStart(7)} s  ${line}`)
  }
}
