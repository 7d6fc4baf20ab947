/**
 * Finds work of unfinished runs that is in no queue, is not leased, waits for no limit and is not due, and brings it back.
 * Scripts leave no such work behind, unless the server refuses one of their writes or another program changes the keys.
 */
import type * as Run from "../../../core/run/Run.ts"
import type { StoreBounds } from "../../../core/store/StoreBounds.ts"
import { MAX_MEMBERS } from "../connection/CallSize.ts"
import type { Scripts } from "../connection/Scripts.ts"
import { BOUND, KEY, RUN, STEP } from "../lua/Codes.ts"
import { digestOf, type RunReader } from "../runs/RunReader.ts"

/** For how many plans the links are cached. */
const MAX_PLANS = 100

/** How many steps of a run one call checks. */
const MAX_STEPS = 100

/** Of each step of a plan: how many steps it waits for, and which steps it releases. */
type Links = ReadonlyArray<{
  readonly [STEP.waits]: number
  readonly [STEP.releases]: ReadonlyArray<string>
  readonly [STEP.initial]?: 1
}>

/** The result of checking some runs. */
export interface Findings {
  /** One sentence for each problem. */
  readonly problems: ReadonlyArray<string>
  /** Where to go on; undefined at the end. */
  readonly next: string | undefined
}

/** Checks the unfinished runs of a Store, a page at a time. */
export class Mender {
  readonly #scripts: Scripts
  readonly #reader: RunReader
  readonly #bounds: Required<StoreBounds>
  readonly #links: Map<string, Links> = new Map()

  constructor(scripts: Scripts, reader: RunReader, bounds: Required<StoreBounds>) {
    this.#scripts = scripts
    this.#reader = reader
    this.#bounds = bounds
  }

  /** Checks up to `most` runs from a place in the order of submission on, oldest first; repairs them if `isToMend`. */
  async check(from: string, most: number, isToMend: boolean): Promise<Findings> {
    const { client, prefix } = this.#scripts
    const page = await client.zrangebyscore(`${prefix}${KEY.unfinished}`, from, "+inf", "WITHSCORES", "LIMIT", 0, most)
    const ids = page.filter((_, at) => at % 2 === 0)
    const now = await this.#scripts.nowMillis()
    const problems: Array<string> = []
    for (const id of ids) {
      const [changedAt] = await this.#reader.changedAt([id])
      if (changedAt === undefined || now - changedAt < 2 * this.#bounds.leaseMillis) continue
      problems.push(...(await this.#checkRun(id, isToMend)))
    }
    return { problems, next: ids.length < most ? undefined : `(${page.at(-1)!}` }
  }

  async #checkRun(id: string, isToMend: boolean): Promise<ReadonlyArray<string>> {
    const { client, prefix } = this.#scripts
    const header = await client.hget(`${prefix}${KEY.run}${id}`, RUN.header)
    const run = header === null ? undefined : await this.#reader.run(id)
    if (run === undefined) return []
    const ready = readyOf(run, await this.#linksOf(digestOf(header!), run.steps.length))
    const { maxLosses, maxValueBytes, historyCount } = this.#bounds
    const problems: Array<string> = []
    for (let from = 0; from === 0 || from < ready.length; from += MAX_STEPS) {
      const steps = ready.slice(from, from + MAX_STEPS)
      for (let unit = 0, hasMore = "1"; hasMore === "1"; unit += BOUND.mendedUnits) {
        const args = [id, isToMend ? "1" : "", maxLosses, maxValueBytes, historyCount, unit, ...steps]
        const [found, more] = (await this.#scripts.call("mend", args)) as [ReadonlyArray<string>, string]
        problems.push(...found)
        hasMore = more
      }
    }
    return problems
  }

  async #linksOf(digest: string, size: number): Promise<Links> {
    const known = this.#links.get(digest)
    if (known !== undefined) return known
    const { client, prefix } = this.#scripts
    const links: Array<Links[number]> = []
    for (let from = 0; from < size; from += MAX_MEMBERS) {
      const places = Array.from({ length: Math.min(MAX_MEMBERS, size - from) }, (_, at) => String(from + at))
      for (const code of await client.hmget(`${prefix}${KEY.plan}${digest}`, ...places)) {
        links.push(code === null ? { [STEP.waits]: -1, [STEP.releases]: [] } : (JSON.parse(code) as Links[number]))
      }
    }
    if (this.#links.size >= MAX_PLANS) this.#links.clear()
    this.#links.set(digest, links)
    return links
  }
}

/** The steps of a run that have all their inputs and have not ended. */
const readyOf = ({ steps }: Run.Run, links: Links): ReadonlyArray<number> => {
  const there = new Array<number>(steps.length).fill(0)
  const hasEnded = (at: number): boolean => steps[at]!.status !== "PENDING" && steps[at]!.status !== "RUNNING"
  for (const [at, { [STEP.releases]: releases, [STEP.initial]: initial }] of links.entries()) {
    if (initial === undefined && hasEnded(at)) for (const other of releases) there[Number(other)]!++
  }
  return links.flatMap(({ [STEP.waits]: waits }, at) => (!hasEnded(at) && there[at] === waits ? [at] : []))
}
