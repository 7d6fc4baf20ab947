/** The runs of a Store in memory: by id, and newest first, all of them or those of one pipeline. */
import * as Result from "effect/Result"
import type { Run as RunState, RunStatus, Submission } from "../../run/Run.ts"
import type { ListRequest, RunList } from "../../store/Store.ts"
import { InvalidOption } from "../../values/Errors.ts"

/** The neighbours of a run in one order. */
interface Neighbours<Run> {
  older: Run | undefined
  newer: Run | undefined
}

/** The neighbours of a run in the orders that it is in. */
export class Links<Run> {
  /** By when they were submitted: all runs, those of its pipeline, and those that are not over. */
  readonly all: Neighbours<Run> = { older: undefined, newer: undefined }
  readonly ofPipeline: Neighbours<Run> = { older: undefined, newer: undefined }
  readonly unfinished: Neighbours<Run> = { older: undefined, newer: undefined }
  /** By when they ended. */
  readonly ended: Neighbours<Run> = { older: undefined, newer: undefined }
}

/** A run with neighbours. */
export interface Linked<Run> {
  readonly links: Links<Run>
}

/** What is asked of a run to list it. */
export interface IndexedRun<Run> extends Linked<Run> {
  readonly submission: Submission
  readonly status: RunStatus
  /** Its place in the order of submission. */
  readonly serial: number
  readonly log: { readonly state: RunState }
}

/** Runs in one order, linked through themselves, so that one can leave from anywhere. */
export class RunChain<Run extends Linked<Run>> {
  readonly #order: keyof Links<Run>
  newest: Run | undefined = undefined
  oldest: Run | undefined = undefined

  constructor(order: keyof Links<Run>) {
    this.#order = order
  }

  add(run: Run): void {
    run.links[this.#order].older = this.newest
    if (this.newest === undefined) this.oldest = run
    else this.newest.links[this.#order].newer = run
    this.newest = run
  }

  remove(run: Run): void {
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
export class RunIndex<Run extends IndexedRun<Run>> {
  readonly #byId: Map<string, Run> = new Map()
  readonly #all = new RunChain<Run>("all")
  readonly #byPipeline: Map<string, RunChain<Run>> = new Map()
  readonly #unfinished = new RunChain<Run>("unfinished")

  get size(): number {
    return this.#byId.size
  }

  get(id: string): Run | undefined {
    return this.#byId.get(id)
  }

  /** Those that are not over, oldest first. */
  *unfinished(): Generator<Run> {
    for (let run = this.#unfinished.oldest; run !== undefined; ) {
      const next: Run | undefined = run.links.unfinished.newer
      yield run
      run = next
    }
  }

  add(run: Run): void {
    const { id, pipelineId } = run.submission
    this.#byId.set(id, run)
    this.#all.add(run)
    this.#unfinished.add(run)
    let ofPipeline = this.#byPipeline.get(pipelineId)
    if (ofPipeline === undefined) {
      ofPipeline = new RunChain<Run>("ofPipeline")
      this.#byPipeline.set(pipelineId, ofPipeline)
    }
    ofPipeline.add(run)
  }

  /** It is over. */
  ended(run: Run): void {
    this.#unfinished.remove(run)
  }

  /** Forgets a run that is over. */
  remove(run: Run): void {
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
    const found: Array<Run> = []
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

  #chainOf(pipelineId: string | undefined): RunChain<Run> | undefined {
    return pipelineId === undefined ? this.#all : this.#byPipeline.get(pipelineId)
  }
}

const listOf = (runs: ReadonlyArray<Pick<IndexedRun<never>, "log">>, nextCursor: string | undefined): RunList => ({
  runs: runs.map((run) => run.log.state),
  nextCursor
})
