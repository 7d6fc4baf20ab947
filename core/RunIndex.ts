/** The runs of a Store in memory: by id, and newest first, all of them or those of one pipeline. */
import type * as Random from "effect/Random"
import * as Result from "effect/Result"
import { InvalidOption } from "./Errors.ts"
import type { MemoryRun } from "./MemoryRun.ts"
import type { ListRequest, RunList } from "./Store.ts"

/** Ids sort by time of submission and carry 100 random bits. */
export const newId = (nowMillis: number, random: typeof Random.Random.Service): string =>
  digits(nowMillis) + digits(random.nextDoubleUnsafe() * 2 ** 50) + digits(random.nextDoubleUnsafe() * 2 ** 50)

// Numbers are slow to write; pairs of digits are looked up.
const PAIRS: ReadonlyArray<string> = Array.from({ length: 2 ** 10 }, (_, pair) => pair.toString(32).padStart(2, "0"))

/** Ten digits of base 32. */
const digits = (value: number): string => {
  const high = Math.floor(value / 2 ** 30)
  const low = Math.floor(value - high * 2 ** 30)
  return (
    PAIRS[high >> 10]! + PAIRS[high & 1_023]! + PAIRS[low >> 20]! + PAIRS[(low >> 10) & 1_023]! + PAIRS[low & 1_023]!
  )
}

/** The neighbours of a run in one order. */
interface Neighbours {
  older: MemoryRun | undefined
  newer: MemoryRun | undefined
}

/** The neighbours of a run in the orders that it is in. */
export class Links {
  /** By when they were submitted: all runs, those of its pipeline, and those that are not over. */
  readonly all: Neighbours = { older: undefined, newer: undefined }
  readonly ofPipeline: Neighbours = { older: undefined, newer: undefined }
  readonly unfinished: Neighbours = { older: undefined, newer: undefined }
  /** By when they ended. */
  readonly ended: Neighbours = { older: undefined, newer: undefined }
}

/** Runs in one order, linked through themselves, so that one can leave from anywhere. */
export class RunChain {
  readonly #order: keyof Links
  newest: MemoryRun | undefined = undefined
  oldest: MemoryRun | undefined = undefined

  constructor(order: keyof Links) {
    this.#order = order
  }

  add(run: MemoryRun): void {
    run.links[this.#order].older = this.newest
    if (this.newest === undefined) this.oldest = run
    else this.newest.links[this.#order].newer = run
    this.newest = run
  }

  remove(run: MemoryRun): void {
    const links = run.links[this.#order]
    const { older, newer } = links
    if (older === undefined) this.oldest = newer
    else older.links[this.#order].newer = newer
    if (newer === undefined) this.newest = older
    else newer.links[this.#order].older = older
    // Whoever still has it, such as a task that never ends, must not keep all its neighbours in memory.
    links.older = undefined
    links.newer = undefined
  }
}

/** Runs by id and by when they were submitted. */
export class RunIndex {
  readonly #byId: Map<string, MemoryRun> = new Map()
  readonly #all = new RunChain("all")
  readonly #byPipeline: Map<string, RunChain> = new Map()
  readonly #unfinished = new RunChain("unfinished")

  get size(): number {
    return this.#byId.size
  }

  get(id: string): MemoryRun | undefined {
    return this.#byId.get(id)
  }

  /** Those that are not over, oldest first. */
  *unfinished(): Generator<MemoryRun> {
    for (let run = this.#unfinished.oldest; run !== undefined; ) {
      const next: MemoryRun | undefined = run.links.unfinished.newer
      yield run
      run = next
    }
  }

  add(run: MemoryRun): void {
    const { id, pipelineId } = run.submission
    this.#byId.set(id, run)
    this.#all.add(run)
    this.#unfinished.add(run)
    let ofPipeline = this.#byPipeline.get(pipelineId)
    if (ofPipeline === undefined) {
      ofPipeline = new RunChain("ofPipeline")
      this.#byPipeline.set(pipelineId, ofPipeline)
    }
    ofPipeline.add(run)
  }

  /** It is over. */
  ended(run: MemoryRun): void {
    this.#unfinished.remove(run)
  }

  /** Forgets a run that is over. */
  remove(run: MemoryRun): void {
    const { id, pipelineId } = run.submission
    this.#byId.delete(id)
    this.#all.remove(run)
    const ofPipeline = this.#byPipeline.get(pipelineId)!
    ofPipeline.remove(run)
    if (ofPipeline.newest === undefined) this.#byPipeline.delete(pipelineId)
  }

  list({
    pipelineId,
    status,
    sinceMillis,
    untilMillis,
    limit,
    cursor
  }: ListRequest): Result.Result<RunList, InvalidOption> {
    if (cursor !== undefined && !/^\d{1,15}$/.test(cursor)) {
      return Result.fail(new InvalidOption("cursor", cursor, "the `nextCursor` of an earlier list"))
    }
    const found: Array<MemoryRun> = []
    const before = cursor === undefined ? Number.POSITIVE_INFINITY : Number(cursor)
    const isUnfinished = status === "PENDING" || status === "RUNNING"
    // Of two orders that would do, the one with less to pass over.
    const order = isUnfinished ? "unfinished" : pipelineId === undefined ? "all" : "ofPipeline"
    let run = (isUnfinished ? this.#unfinished : this.#chainOf(pipelineId))?.newest
    for (; run !== undefined; run = run.links[order].older) {
      const { submittedAtMillis } = run.submission
      // Older ones were submitted no later.
      if (sinceMillis !== undefined && submittedAtMillis < sinceMillis) break
      if (run.serial >= before || (untilMillis !== undefined && submittedAtMillis >= untilMillis)) continue
      if (status !== undefined && run.status !== status) continue
      if (isUnfinished && pipelineId !== undefined && run.submission.pipelineId !== pipelineId) continue
      if (found.length === limit) return Result.succeed(listOf(found, String(found.at(-1)!.serial)))
      found.push(run)
    }
    return Result.succeed(listOf(found, undefined))
  }

  #chainOf(pipelineId: string | undefined): RunChain | undefined {
    return pipelineId === undefined ? this.#all : this.#byPipeline.get(pipelineId)
  }
}

const listOf = (runs: ReadonlyArray<MemoryRun>, nextCursor: string | undefined): RunList => ({
  runs: runs.map((run) => run.log.state),
  nextCursor
})
