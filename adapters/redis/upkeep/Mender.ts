/**
 * Finds work of unfinished runs that is in no queue, lent to no worker, waits for no limit and is not due, and brings it back.
 * Acts leave none behind; a write that a server refused in the middle of an act may, or another program.
 */
import type * as Run from "../../../core/run/Run.ts"
import type { StoreBounds } from "../../../core/store/StoreBounds.ts"
import { MAX_MEMBERS } from "../connection/CallSize.ts"
import type { Scripts } from "../connection/Scripts.ts"
import { digestOf, type RunReader } from "../runs/RunReader.ts"

/** How many plans' links are remembered. */
const MAX_PLANS = 100

/** How many steps of a run are looked at in one call, and how many units of a list: as the script has it. */
const MAX_STEPS = 100
const UNITS = 240

/** What each step of a plan waits for: how many others, and which ones it releases. */
type Links = ReadonlyArray<{ readonly w: number; readonly r: ReadonlyArray<string>; readonly i?: 1 }>

/** What a look at some runs has found. */
export interface Found {
  /** Sentences, at most some for each run. */
  readonly problems: ReadonlyArray<string>
  /** Where the next look begins; nothing at the end. */
  readonly next: string | undefined
}

/** Looks at the unfinished runs of a Store, some at a time. */
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

  /** Looks at so many runs behind a place in the order of submission, oldest first, and mends what is wrong where that is asked for. */
  async look(from: string, most: number, isToMend: boolean): Promise<Found> {
    const { client, prefix } = this.#scripts
    const page = await client.zrangebyscore(`${prefix}unfinished`, from, "+inf", "WITHSCORES", "LIMIT", 0, most)
    const ids = page.filter((_, at) => at % 2 === 0)
    const now = await this.#scripts.nowMillis()
    const problems: Array<string> = []
    for (const id of ids) {
      const [changedAt] = await this.#reader.changedAt([id])
      if (changedAt === undefined || now - changedAt < 2 * this.#bounds.leaseMillis) continue
      problems.push(...(await this.#lookAt(id, isToMend)))
    }
    return { problems, next: ids.length < most ? undefined : `(${page.at(-1)!}` }
  }

  async #lookAt(id: string, isToMend: boolean): Promise<ReadonlyArray<string>> {
    const { client, prefix } = this.#scripts
    const header = await client.hget(`${prefix}r:${id}`, "h")
    const run = header === null ? undefined : await this.#reader.run(id)
    if (run === undefined) return []
    const ready = readyOf(run, await this.#linksOf(digestOf(header!), run.steps.length))
    const { maxLosses, maxValueBytes, historyCount } = this.#bounds
    const problems: Array<string> = []
    for (let from = 0; from === 0 || from < ready.length; from += MAX_STEPS) {
      const steps = ready.slice(from, from + MAX_STEPS)
      for (let unit = 0, hasMore = "1"; hasMore === "1"; unit += UNITS) {
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
      for (const code of await client.hmget(`${prefix}p:${digest}`, ...places)) {
        links.push(code === null ? { w: -1, r: [] } : (JSON.parse(code) as Links[number]))
      }
    }
    if (this.#links.size >= MAX_PLANS) this.#links.clear()
    this.#links.set(digest, links)
    return links
  }
}

/** The steps of a run that wait for no other one and have not ended. */
const readyOf = ({ steps }: Run.Run, links: Links): ReadonlyArray<number> => {
  const there = new Array<number>(steps.length).fill(0)
  const hasEnded = (at: number): boolean => steps[at]!.status !== "PENDING" && steps[at]!.status !== "RUNNING"
  for (const [at, { r, i }] of links.entries()) {
    if (i === undefined && hasEnded(at)) for (const other of r) there[Number(other)]!++
  }
  return links.flatMap(({ w }, at) => (!hasEnded(at) && there[at] === w ? [at] : []))
}
