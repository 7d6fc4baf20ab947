/** Which runs of a Store on Redis have got which events, as the scripts say in a stream. */
import * as Effect from "effect/Effect"
import type { StoreUnavailable } from "../../core/Errors.ts"
import type { Event } from "../../core/Event.ts"
import { type Change, type Entry, type Excerpt, type Source, START } from "../../core/Feed.ts"
import type { RedisRuns } from "./RedisRuns.ts"
import type { Scripts } from "./Scripts.ts"

/** How many entries are read at once. */
const MAX_ENTRIES = 100

/** Whose run it is, is known by its plan. */
interface KeptChange extends Change {
  readonly plan: string
}

export class RedisFeed implements Source<StoreUnavailable> {
  readonly #scripts: Scripts
  readonly #runs: RedisRuns

  constructor(scripts: Scripts, runs: RedisRuns) {
    this.#scripts = scripts
    this.#runs = runs
  }

  newest: Effect.Effect<string, StoreUnavailable> = Effect.suspend(() =>
    this.#scripts.ask(async (client, prefix) => {
      const [newest] = await client.xrevrange(`${prefix}feed`, "+", "-", "COUNT", 1)
      return newest?.[0] ?? START
    })
  )

  from = (entry: string): Effect.Effect<Excerpt, StoreUnavailable> =>
    this.#scripts.ask(async (client, prefix) => {
      const key = `${prefix}feed`
      let found = await client.xrange(key, entry, "+", "COUNT", MAX_ENTRIES)
      // Where not even the entry is, it is of another database: all that is here is news.
      if (found.length === 0) found = await client.xrange(key, "-", "+", "COUNT", MAX_ENTRIES)
      const entries: Array<Entry> = []
      for (const [id, [, text]] of found) entries.push({ id, changes: await this.#changes(text!) })
      return { entries, isBehindGap: entries.length > 0 && entries[0]!.id !== entry && entry !== START }
    })

  grown = (entry: string): Effect.Effect<void, StoreUnavailable> =>
    this.#runs.told("runs", "", async (client, prefix) => {
      const [newest] = await client.xrevrange(`${prefix}feed`, "+", "-", "COUNT", 1)
      return newest !== undefined && newest[0] !== entry
    })

  events = (change: Change, isBare: boolean): Effect.Effect<ReadonlyArray<Event> | undefined, StoreUnavailable> =>
    this.#scripts.ask(() => this.#runs.eventsOf((change as KeptChange).plan, change, isBare))

  async #changes(text: string): Promise<ReadonlyArray<KeptChange>> {
    const changes: Array<KeptChange> = []
    for (const change of text.split(",")) {
      const [runId, from, to, plan] = change.split(" ") as [string, string, string, string]
      // A plan that is forgotten has no run any more.
      const pipelineId = (await this.#runs.planOf(plan))?.pipelineId ?? ""
      changes.push({ runId, from: Number(from), to: Number(to), pipelineId, plan })
    }
    return changes
  }
}
