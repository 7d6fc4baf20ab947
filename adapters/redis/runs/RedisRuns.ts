/** What a Store on Redis says of its runs: as they are, and as they change. */
import type * as Cause from "effect/Cause"
import { done } from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Event } from "../../../core/run/Event.ts"
import * as Run from "../../../core/run/Run.ts"
import { lengthOf, Pace } from "../../../core/store/Feed.ts"
import type * as Store from "../../../core/store/Store.ts"
import type { Lines } from "../../../core/task/Log.ts"
import { InvalidOption, RunNotFound, StoreUnavailable } from "../../../core/values/Errors.ts"
import { COMMAND_MILLIS } from "../connection/Connection.ts"
import type { Notifications } from "../connection/Notifications.ts"
import { failureOf, type Scripts } from "../connection/Scripts.ts"
import type { Blobs } from "./Blobs.ts"
import * as RunIndexes from "./RunIndexes.ts"
import { readLines } from "./RunLines.ts"
import { digestOf, eventsOf, isOver, type Known, RunReader } from "./RunReader.ts"

/** How long at most between two looks of somebody who waits for news, in milliseconds. */
export const LOOK_MILLIS = 1_000

/** How long others publish which runs change or end, after somebody has asked for that, in milliseconds. */
const WATCHED_MILLIS = 5_000

/** How often it is looked whether all is answered while the Store is closed, in milliseconds, and how often that has to be so. */
const TURN_MILLIS = 2
const QUIET_TURNS = 3

type Client = Scripts["client"]

/** Runs as they are read. */
export class RedisRuns {
  /** Reads runs and events from their keys. */
  readonly reader: RunReader
  readonly #scripts: Scripts
  readonly #news: Notifications
  readonly #watchedUntil = { runs: 0, ended: 0 }
  /** Those who wait for news, and how each is told to look. */
  readonly #waits: Set<() => void> = new Set()
  #isClosing = false

  constructor(scripts: Scripts, news: Notifications, maxValueBytes: number, blobs: Blobs) {
    this.reader = new RunReader(scripts, maxValueBytes, blobs)
    this.#scripts = scripts
    this.#news = news
  }

  get = (runId: string): Effect.Effect<Run.Run, RunNotFound | StoreUnavailable> =>
    Effect.flatMap(
      this.#scripts.ask(() => this.reader.run(runId)),
      (run) => found(runId, run)
    )

  lines = (runId: string): Effect.Effect<Lines, RunNotFound | StoreUnavailable> =>
    Effect.flatMap(
      this.#scripts.ask(() => readLines(this.#scripts, runId)),
      (lines) => found(runId, lines)
    )

  wait = (runId: string): Effect.Effect<Run.Run, RunNotFound | StoreUnavailable> =>
    Effect.suspend(() => {
      let run: Run.Run | undefined
      const over = this.told("ended", runId, async (client, prefix, isTold) => {
        // Before it is told to be over it mostly is not, and is not read for that.
        if (!isTold && !isOver(await client.hget(`${prefix}r:${runId}`, "h"))) return false
        run = await this.reader.run(runId)
        return run === undefined || Run.isTerminal(run.status)
      })
      return Effect.flatMap(over, (is) => (is ? found(runId, run) : this.get(runId)))
    })

  watch = (runId: string, after = 0): Stream.Stream<Event, RunNotFound | StoreUnavailable> =>
    Stream.fromPull(
      Effect.map(this.about(runId), ({ pipelineId, plan }) => {
        const pace = new Pace()
        let place = after
        let ended = false
        type Some = readonly [Event, ...Array<Event>]
        const pull: Effect.Effect<Some, Cause.Done | RunNotFound | StoreUnavailable> = Effect.suspend(() => {
          if (ended) return done()
          let found: ReadonlyArray<Event> = []
          let isGone = false
          const grown = this.told("runs", runId, async (client, prefix) => {
            const header = await client.hget(`${prefix}r:${runId}`, "h")
            const last = header === null ? 0 : eventsOf(header)
            const size = Math.max(0, Math.min(last - place, pace.size))
            // Each for itself: as many are given as have room in an answer.
            const changes = Array.from({ length: size }, (_, at) => {
              return { runId, pipelineId, plan, from: place + at, to: place + at + 1 }
            })
            found = (await this.reader.events(changes)).flatMap((events = []) => events)
            // Forgotten before all of it was read.
            isGone = header === null || (size > 0 && found.length === 0)
            ended = isOver(header) && place + found.length >= last
            return found.length > 0 || ended || isGone
          })
          return Effect.flatMap(grown, (is): Effect.Effect<Some, Cause.Done | RunNotFound | StoreUnavailable> => {
            if (!is) return Effect.fail(closed())
            place += found.length
            pace.took(lengthOf(found))
            if (found.length > 0) return Effect.succeed(found as unknown as Some)
            return isGone ? Effect.fail(new RunNotFound(runId)) : done()
          })
        })
        return pull
      })
    )

  list = (request: Store.ListRequest): Effect.Effect<Store.RunList, InvalidOption | StoreUnavailable> => {
    const { cursor, status } = request
    if (cursor !== undefined && !/^\d{1,16}$/.test(cursor)) {
      return Effect.fail(new InvalidOption("cursor", cursor, "the `nextCursor` of an earlier list"))
    }
    return this.#scripts.ask(async () => {
      const { ids, nextCursor } = await RunIndexes.page(this.#scripts, request)
      const runs = await this.reader.runs(ids)
      // One that has another status by now is in another list.
      return { runs: status === undefined ? runs : runs.filter((run) => run.status === status), nextCursor }
    })
  }

  // -- inside --------------------------------------------------------------------------------------------------------

  /**
   * Waits until `isSo`, looking whenever the run (or any, for an empty text) is told to have changed or ended, and now and
   * then. Gives false when this is closed before, after a last look.
   */
  told(
    what: "runs" | "ended",
    runId: string,
    isSo: (client: Client, prefix: string, isTold: boolean) => Promise<boolean>
  ): Effect.Effect<boolean, StoreUnavailable> {
    const { client, prefix } = this.#scripts
    return Effect.callback<boolean, StoreUnavailable>((resume) => {
      let timer: ReturnType<typeof setTimeout> | undefined
      let state: "looking" | "again" | "waiting" | "over" = "looking"
      const end = (exit?: Effect.Effect<boolean, StoreUnavailable>): void => {
        state = "over"
        clearTimeout(timer)
        deaf()
        this.#waits.delete(hear)
        if (exit !== undefined) resume(exit)
      }
      const look = async (isTold = false): Promise<void> => {
        clearTimeout(timer)
        state = "looking"
        const isLast = this.#isClosing
        try {
          await this.#watch(what)
          const is = await isSo(client, prefix, isTold)
          const now = state as "looking" | "again" | "over"
          if (now === "over") return
          if (is || isLast) end(Effect.succeed(is))
          else if (now === "again") look(true)
          else {
            state = "waiting"
            timer = setTimeout(() => look(), LOOK_MILLIS)
          }
        } catch (error) {
          if ((state as string) !== "over") end(failureOf(error))
        }
      }
      const hear = (): void => {
        if (state === "waiting") look(true)
        else if (state === "looking") state = "again"
      }
      const deaf = this.#news[what].add(runId, hear)
      this.#waits.add(hear)
      look()
      return Effect.sync(() => end())
    })
  }

  /** Ends all waiting, each after a last look, and waits until nothing is asked any more. */
  async close(): Promise<void> {
    this.#isClosing = true
    for (const hear of this.#waits) hear()
    const untilMillis = performance.now() + COMMAND_MILLIS
    // What was answered may ask for something else.
    for (let quiet = 0; quiet < QUIET_TURNS && performance.now() < untilMillis; quiet++) {
      await new Promise((resolve) => setTimeout(resolve, TURN_MILLIS))
      if (this.#waits.size + this.#scripts.underWay > 0) quiet = -1
    }
  }

  /** Calls a listener whenever runs are told to have changed, before those that wait for it. */
  onNews(listener: () => void): void {
    this.#news.runs.add("", listener)
  }

  /** Has others publish which runs change or end. */
  async #watch(what: "runs" | "ended"): Promise<void> {
    const now = Date.now()
    if (now < this.#watchedUntil[what]) return
    const { client, prefix } = this.#scripts
    this.#watchedUntil[what] = now + WATCHED_MILLIS - 2 * LOOK_MILLIS
    await client.set(`${prefix}${what === "runs" ? "watchers" : "waiters"}`, "1", "PX", WATCHED_MILLIS)
  }

  /** The plan of a run, and what is known of it. */
  about(runId: string): Effect.Effect<Known & { readonly plan: string }, RunNotFound | StoreUnavailable> {
    return Effect.flatMap(
      this.#scripts.ask(async (client, prefix) => {
        const header = await client.hget(`${prefix}r:${runId}`, "h")
        const plan = header === null ? undefined : digestOf(header)
        const known = plan === undefined ? undefined : await this.reader.planOf(plan)
        return known && { ...known, plan: plan! }
      }),
      (about) => found(runId, about)
    )
  }
}

/** Why those who wait for news get none any more. */
export const closed = (): StoreUnavailable => new StoreUnavailable("The Store is closed: this process is shutting down")

const found = <A>(runId: string, what: A | undefined): Effect.Effect<A, RunNotFound> =>
  what === undefined ? Effect.fail(new RunNotFound(runId)) : Effect.succeed(what)
