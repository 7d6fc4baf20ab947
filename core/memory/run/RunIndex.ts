/** Finds and lists the runs of a Store in memory. */
import type * as Result from "effect/Result"
import type * as State from "../../run/Run.ts"
import { type Entry, LinkedList } from "../../runtime/LinkedList.ts"
import type { ListRequest, RunList } from "../../store/Store.ts"
import type { InvalidOption } from "../../values/Errors.ts"
import * as RunLister from "./RunLister.ts"

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
export interface IndexedRun<Run> extends RunLister.ListedRun {
  readonly entries: RunEntries<Run>
  readonly submission: State.Submission
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
    // Of the lists that contain all matches, the one with fewer other runs.
    const list = RunLister.areUnfinished(request) ? this.#unfinished : this.#listOf(request.pipelineId)
    return RunLister.list(request, newestFirst(list))
  }

  #listOf(pipelineId: string | undefined): LinkedList<Run> | undefined {
    return pipelineId === undefined ? this.#all : this.#byPipeline.get(pipelineId)
  }
}

function* newestFirst<A>(list: LinkedList<A> | undefined): Iterable<A> {
  for (let entry = list?.last; entry !== undefined; entry = entry.before) yield entry.value
}
