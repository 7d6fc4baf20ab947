/** Finds and lists the runs of a Store in memory. */
import * as Result from "effect/Result"
import * as State from "../../run/Run.ts"
import { type Entry, LinkedList } from "../../runtime/LinkedList.ts"
import * as RunFilter from "../../store/RunFilter.ts"
import type { ListRequest, RunList } from "../../store/Store.ts"
import { InvalidOption } from "../../values/Errors.ts"

/** The entries of a run in the lists that contain it. */
export class RunEntries<Run> {
  /** In lists by submission: of all runs, of its pipeline's runs, of unfinished runs. */
  all: Entry<Run> | undefined = undefined
  ofPipeline: Entry<Run> | undefined = undefined
  unfinished: Entry<Run> | undefined = undefined
  /** In the list by end. */
  ended: Entry<Run> | undefined = undefined
}

/** A run, as the index sees it. */
export interface IndexedRun<Run> {
  readonly entries: RunEntries<Run>
  readonly submission: State.Submission
  readonly status: State.RunStatus
  /** Runs are numbered in the order of submission. */
  readonly serial: number
  readonly log: { readonly state: State.Run }
}

/** Runs by id and in the order of submission. */
export class RunIndex<Run extends IndexedRun<Run>> {
  readonly #byId: Map<string, Run> = new Map()
  readonly #all = new LinkedList<Run>()
  readonly #byPipeline: Map<string, LinkedList<Run>> = new Map()
  readonly #unfinished = new LinkedList<Run>()

  get size(): number {
    return this.#byId.size
  }

  get(id: string): Run | undefined {
    return this.#byId.get(id)
  }

  /** The unfinished runs, oldest first. The current run may be removed while iterating. */
  *unfinished(): Generator<Run> {
    for (let entry = this.#unfinished.first; entry !== undefined; ) {
      const { value, after } = entry
      yield value
      entry = after
    }
  }

  add(run: Run): void {
    const { id, pipelineId } = run.submission
    this.#byId.set(id, run)
    run.entries.all = this.#all.add(run)
    run.entries.unfinished = this.#unfinished.add(run)
    let ofPipeline = this.#byPipeline.get(pipelineId)
    if (ofPipeline === undefined) {
      ofPipeline = new LinkedList<Run>()
      this.#byPipeline.set(pipelineId, ofPipeline)
    }
    run.entries.ofPipeline = ofPipeline.add(run)
  }

  /** The run has ended. */
  ended(run: Run): void {
    this.#unfinished.remove(run.entries.unfinished!)
    run.entries.unfinished = undefined
  }

  /** Removes a run that has ended. */
  remove(run: Run): void {
    const { id, pipelineId } = run.submission
    this.#byId.delete(id)
    this.#all.remove(run.entries.all!)
    const ofPipeline = this.#byPipeline.get(pipelineId)!
    ofPipeline.remove(run.entries.ofPipeline!)
    if (ofPipeline.size === 0) this.#byPipeline.delete(pipelineId)
  }

  list(request: ListRequest): Result.Result<RunList, InvalidOption> {
    const { pipelineId, sinceMillis, untilMillis, limit, cursor } = request
    if (cursor !== undefined && !/^\d{1,15}$/.test(cursor)) {
      return Result.fail(new InvalidOption("cursor", cursor, "the `nextCursor` of an earlier list"))
    }
    const statuses = RunFilter.statusesOf(request)
    const matches = RunFilter.matcher(request)
    const found: Array<Run> = []
    const before = cursor === undefined ? Number.POSITIVE_INFINITY : Number(cursor)
    const isUnfinished = statuses !== undefined && [...statuses].every((status) => !State.isTerminal(status))
    let looked = 0
    let read = 0
    let last = before
    // Of the lists that contain all matches, the one with fewer other runs.
    const list = isUnfinished ? this.#unfinished : this.#listOf(pipelineId)
    for (let entry = list?.last; entry !== undefined; entry = entry.before) {
      const run = entry.value
      const { submittedAtMillis } = run.submission
      // All runs before it in the list were submitted no later.
      if (sinceMillis !== undefined && submittedAtMillis < sinceMillis) break
      if (run.serial >= before || (untilMillis !== undefined && submittedAtMillis >= untilMillis)) continue
      if (looked++ === RunFilter.MAX_LOOKED || read === RunFilter.MAX_READ) return Result.succeed(listOf(found, last))
      last = run.serial
      if (statuses !== undefined && !statuses.has(run.status)) continue
      if (isUnfinished && pipelineId !== undefined && run.submission.pipelineId !== pipelineId) continue
      if (matches !== undefined) {
        read++
        if (!matches(run.log.state)) continue
      }
      if (found.length === limit) return Result.succeed(listOf(found, found.at(-1)!.serial))
      found.push(run)
    }
    return Result.succeed(listOf(found, undefined))
  }

  #listOf(pipelineId: string | undefined): LinkedList<Run> | undefined {
    return pipelineId === undefined ? this.#all : this.#byPipeline.get(pipelineId)
  }
}

const listOf = (found: ReadonlyArray<Pick<IndexedRun<never>, "log">>, nextSerial: number | undefined): RunList => ({
  runs: found.map(({ log }) => State.summary(log.state)),
  nextCursor: nextSerial === undefined ? undefined : String(nextSerial)
})
