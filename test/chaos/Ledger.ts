/**
 * What was really executed, written down outside Redis: one file for each process and thread, each entry in one write, so that
 * SIGKILL loses nothing of what was done before it.
 */
import { appendFileSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { Task } from "../../adapters/promise/index.ts"
import { trueNow } from "./Wall.ts"

/** How an execution ended. */
export type How = "ok" | "failed" | "stopped"

/** A limit that an execution was under. */
export interface Held {
  readonly key: string
  readonly max: number
}

/** One call of a task. Instants are milliseconds since 1970. */
export interface Execution {
  readonly pid: number
  readonly run: string
  readonly pipeline: string
  readonly step: string
  readonly item: number | undefined
  readonly attempt: number
  readonly held: ReadonlyArray<Held>
  readonly startedAt: number
  /** Both undefined when its process did not live to see it. */
  readonly endedAt: number | undefined
  readonly how: How | undefined
}

/** A time in which a process did not get to do anything. */
export interface Stall {
  readonly pid: number
  readonly from: number
  readonly to: number
}

type Entry =
  | ({ readonly is: "start"; readonly id: number } & Omit<Execution, "endedAt" | "how">)
  | { readonly is: "end"; readonly id: number; readonly how: How; readonly at: number }
  | { readonly is: "worker"; readonly name: string }
  | ({ readonly is: "stall" } & Stall)

/** How often a process looks whether it is still given time, and how much later than that counts as a stall. */
const BEAT_MILLIS = 100
const STALL_MILLIS = 400

/** The ledger of this process. */
export class Ledger {
  readonly #file: string
  #count = 0

  /** `thread` tells ledgers of one process apart. */
  constructor(directory: string, thread = 0) {
    this.#file = join(directory, `ledger-${process.pid}-${thread}.jsonl`)
  }

  /** Says under which name this process works. */
  worker(name: string): void {
    this.#write({ is: "worker", name })
  }

  /** Notes an execution. Gives what to call when it ends. */
  start(context: Task.TaskContext, held: ReadonlyArray<Held>): (how: How) => void {
    const id = ++this.#count
    const { runId: run, pipelineId: pipeline, step, item, attempt } = context
    this.#write({
      is: "start",
      id,
      pid: process.pid,
      run,
      pipeline,
      step,
      item,
      attempt,
      held,
      startedAt: trueNow()
    })
    return (how) => this.#write({ is: "end", id, how, at: trueNow() })
  }

  /** Notes from now on when this process is not given time, whoever is to blame. */
  watchTime(): void {
    let last = trueNow()
    setInterval(() => {
      const now = trueNow()
      if (now - last > BEAT_MILLIS + STALL_MILLIS) this.#write({ is: "stall", pid: process.pid, from: last, to: now })
      last = now
    }, BEAT_MILLIS).unref()
  }

  #write(entry: Entry): void {
    appendFileSync(this.#file, `${JSON.stringify(entry)}\n`)
  }
}

/** All ledgers together. */
export interface Ledgers {
  readonly executions: ReadonlyArray<Execution>
  readonly stalls: ReadonlyArray<Stall>
  /** Processes by the names under which they worked. */
  readonly workers: ReadonlyMap<string, number>
}

/** Reads what all processes have written. */
export const readLedgers = (directory: string): Ledgers => {
  const executions: Array<Execution> = []
  const stalls: Array<Stall> = []
  const workers = new Map<string, number>()
  for (const file of readdirSync(directory)) {
    const pid = Number(/^ledger-(\d+)-\d+\.jsonl$/.exec(file)?.[1])
    if (Number.isNaN(pid)) continue
    const byId = new Map<number, Execution>()
    for (const line of readFileSync(join(directory, file), "utf8").split("\n")) {
      // The last line is empty.
      if (line === "") continue
      const entry = JSON.parse(line) as Entry
      if (entry.is === "worker") workers.set(entry.name, pid)
      else if (entry.is === "stall") stalls.push(entry)
      else if (entry.is === "start") {
        const { is: _is, id, ...begun } = entry
        byId.set(id, { ...begun, item: begun.item, endedAt: undefined, how: undefined })
      } else byId.set(entry.id, { ...byId.get(entry.id)!, endedAt: entry.at, how: entry.how })
    }
    executions.push(...byId.values())
  }
  executions.sort((one, other) => one.startedAt - other.startedAt)
  return { executions, stalls, workers }
}
