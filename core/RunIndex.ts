/** The runs of a Store in memory: by id, and newest first, all of them or those of one pipeline. */
import type * as Random from "effect/Random"
import * as Result from "effect/Result"
import { InvalidOption } from "./Errors.ts"
import type { MemoryRun } from "./MemoryRun.ts"
import type { ListRequest, RunList } from "./Store.ts"

/** Ids sort by time of submission and carry 104 random bits. */
export const newId = (nowMillis: number, random: typeof Random.Random.Service): string =>
  nowMillis.toString(36) + digits(random) + digits(random)

const digits = (random: typeof Random.Random.Service): string =>
  Math.floor(random.nextDoubleUnsafe() * 2 ** 52)
    .toString(36)
    .padStart(11, "0")

/** The neighbours of a run in the lists that it is in. */
export class Links {
  /** By when they were submitted: among all runs, and among those of its pipeline. */
  older: MemoryRun | undefined = undefined
  newer: MemoryRun | undefined = undefined
  olderOfPipeline: MemoryRun | undefined = undefined
  newerOfPipeline: MemoryRun | undefined = undefined
  /** By when they ended. */
  endedBefore: MemoryRun | undefined = undefined
  endedAfter: MemoryRun | undefined = undefined
}

/** Linked through the runs themselves, so that one can leave from anywhere. */
export class RunIndex {
  readonly #byId: Map<string, MemoryRun> = new Map()
  readonly #newestOfPipeline: Map<string, MemoryRun> = new Map()
  #newest: MemoryRun | undefined = undefined

  get size(): number {
    return this.#byId.size
  }

  get(id: string): MemoryRun | undefined {
    return this.#byId.get(id)
  }

  values(): Iterable<MemoryRun> {
    return this.#byId.values()
  }

  add(run: MemoryRun): void {
    const { id, pipelineId } = run.submission
    this.#byId.set(id, run)
    run.links.older = this.#newest
    if (run.links.older !== undefined) run.links.older.links.newer = run
    this.#newest = run
    run.links.olderOfPipeline = this.#newestOfPipeline.get(pipelineId)
    if (run.links.olderOfPipeline !== undefined) run.links.olderOfPipeline.links.newerOfPipeline = run
    this.#newestOfPipeline.set(pipelineId, run)
  }

  remove(run: MemoryRun): void {
    const { id, pipelineId } = run.submission
    this.#byId.delete(id)
    const { older, newer, olderOfPipeline, newerOfPipeline } = run.links
    if (older !== undefined) older.links.newer = newer
    if (newer !== undefined) newer.links.older = older
    else this.#newest = older
    if (olderOfPipeline !== undefined) olderOfPipeline.links.newerOfPipeline = newerOfPipeline
    if (newerOfPipeline !== undefined) newerOfPipeline.links.olderOfPipeline = olderOfPipeline
    else if (olderOfPipeline !== undefined) this.#newestOfPipeline.set(pipelineId, olderOfPipeline)
    else this.#newestOfPipeline.delete(pipelineId)
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
    let run = pipelineId === undefined ? this.#newest : this.#newestOfPipeline.get(pipelineId)
    for (; run !== undefined; run = pipelineId === undefined ? run.links.older : run.links.olderOfPipeline) {
      const { submittedAtMillis } = run.submission
      // Older ones were submitted no later.
      if (sinceMillis !== undefined && submittedAtMillis < sinceMillis) break
      if (run.serial >= before || (untilMillis !== undefined && submittedAtMillis >= untilMillis)) continue
      if (status !== undefined && run.status !== status) continue
      if (found.length === limit) {
        return Result.succeed(listOf(found, String(found.at(-1)!.serial)))
      }
      found.push(run)
    }
    return Result.succeed(listOf(found, undefined))
  }
}

const listOf = (runs: ReadonlyArray<MemoryRun>, nextCursor: string | undefined): RunList => ({
  runs: runs.map((run) => run.log.state),
  nextCursor
})
