/** The evidence after a trial, and which events are explained by an act of the trial. */
import { Access, type Event, Levada, Run } from "../../adapters/promise/index.ts"
import { casesOf } from "./Cases.ts"
import type { Act, History } from "./History.ts"
import { type Execution, type Ledgers, readLedgers } from "./Ledger.ts"
import type { RequestedRun } from "./Load.ts"
import { GRACE_MILLIS, LEASE_MILLIS, store } from "./Setting.ts"
import { shortened } from "./Texts.ts"

/** A run and its log. */
export interface LoggedRun {
  readonly run: Run.Run
  readonly events: ReadonlyArray<Event.Event>
}

/** How many runs are read at the same time. */
const AT_ONCE = 20

/** Reads every run and its log. */
export const readRuns = async (url: string, prefix: string): Promise<ReadonlyMap<string, LoggedRun>> => {
  const levada = Levada.make({
    pipelines: casesOf(2).map(({ pipeline }) => pipeline),
    access: Access.open,
    // Uses the default lease, so that even the longest answers arrive in time.
    store: store({ url, prefix }, undefined, 15_000),
    worker: false
  })
  const found = new Map<string, LoggedRun>()
  const read = async (run: Run.Run): Promise<void> => {
    const events: Array<Event.Event> = []
    // The log of an unfinished run has no end.
    for await (const event of Run.isTerminal(run.status) ? levada.watch(run.id) : []) {
      events.push("outputs" in event ? { ...event, outputs: allShortened(event.outputs) } : event)
    }
    found.set(run.id, {
      run: { ...run, parameters: allShortened(run.parameters), outputs: allShortened(run.outputs) },
      events
    })
  }
  let cursor: string | undefined
  do {
    const { runs, nextCursor } = await levada.runs({ limit: AT_ONCE, ...(cursor !== undefined && { cursor }) })
    await Promise.all(runs.map(async ({ id }) => read(await levada.run(id))))
    cursor = nextCursor
  } while (cursor !== undefined)
  await levada.close()
  return found
}

const allShortened = (values: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(values).map(([name, json]) => [name, shortened(json)]))

/** How long after an act its effects last, in milliseconds: leases end, and clients reconnect one after the other. */
const AFTER_COMMON = LEASE_MILLIS + 2_500
const AFTER_ONE = 1_000
/** How long before an act on the network an operation may have begun that the act disturbed. */
const BEFORE = 1_000

/** The evidence of a trial. */
export class Evidence {
  readonly wanted: ReadonlyArray<RequestedRun>
  readonly runs: ReadonlyMap<string, LoggedRun>
  readonly history: History
  readonly ledgers: Ledgers
  /** Executions of each step or item of a run, in order, by their `unitOf`. */
  readonly byUnit: ReadonlyMap<string, ReadonlyArray<Execution>>
  readonly #ofProcess: ReadonlyMap<number, ReadonlyArray<Pick<Act, "from" | "to">>>
  readonly #common: ReadonlyArray<Act>

  constructor(
    wanted: ReadonlyArray<RequestedRun>,
    runs: ReadonlyMap<string, LoggedRun>,
    history: History,
    directory: string
  ) {
    this.wanted = wanted
    this.runs = runs
    this.history = history
    this.ledgers = readLedgers(directory)
    this.byUnit = Map.groupBy(this.ledgers.executions, unitOf)
    // An act on the servers' network explains nothing about workers.
    this.#common = history.acts.filter(({ pid, whose }) => pid === undefined && whose !== "servers")
    const alone = [
      ...history.acts.filter(({ kind }) => kind === "kill worker" || kind === "freeze worker"),
      ...this.ledgers.stalls
    ]
    this.#ofProcess = Map.groupBy(alone, ({ pid }) => pid ?? 0)
  }

  /** Whether network or Redis were disturbed between these instants. */
  isStormy(from: number, to: number): boolean {
    const { slowness } = this.history
    return (
      this.#common.some((act) => act.from - BEFORE <= to && act.to + AFTER_COMMON >= from) ||
      slowness.some((slow) => slow.from <= to && slow.to + LEASE_MILLIS >= from)
    )
  }

  /** Whether a process was disturbed between these instants. */
  isStruck(pid: number, from: number, to: number): boolean {
    return this.#ofProcess.get(pid)?.some((act) => act.from <= to + AFTER_ONE && act.to + AFTER_ONE >= from) ?? false
  }

  /** Whether a disturbance explains that an execution did not count, or continued when it should have stopped. */
  isExplained({ pid, startedAt, endedAt }: Execution): boolean {
    const end = endedAt ?? startedAt
    return this.isStormy(startedAt, end) || this.isStruck(pid, startedAt, end) || this.#isStopped(pid, end)
  }

  /** Whether a process was told to end and its grace period was over by then; its steps may wait long for a thread. */
  #isStopped(pid: number, at: number): boolean {
    return this.history.acts.some(
      (act) => act.kind === "drain worker" && act.pid === pid && act.from + GRACE_MILLIS <= at
    )
  }

  /** When an execution ended; if its process was killed, the instant of the kill. */
  endOf({ pid, endedAt }: Execution): number {
    if (endedAt !== undefined) return endedAt
    const killed = this.history.acts.find((act) => act.kind === "kill worker" && act.pid === pid)
    return killed?.to ?? Number.POSITIVE_INFINITY
  }
}

/** The name of the step or item that was executed. */
export const unitOf = ({ run, step, item }: Pick<Execution, "run" | "step" | "item">): string =>
  item === undefined ? `${run} ${step}` : `${run} ${step}[${item}]`
