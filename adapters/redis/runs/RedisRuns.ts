/** Reads, lists, awaits and watches the runs of a Store on Redis. */
import type * as Cause from "effect/Cause"
import { done } from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Json } from "../../../core/json/Value.ts"
import type { Event } from "../../../core/run/Event.ts"
import type { Outline } from "../../../core/run/Outline.ts"
import * as Run from "../../../core/run/Run.ts"
import * as Monotonic from "../../../core/runtime/Monotonic.ts"
import { BatchSize, lengthOf } from "../../../core/store/Feed.ts"
import * as RunFilter from "../../../core/store/RunFilter.ts"
import type * as Store from "../../../core/store/Store.ts"
import type { Lines } from "../../../core/task/Log.ts"
import { InvalidOption, RunNotFound, StoreUnavailable } from "../../../core/values/Errors.ts"
import { COMMAND_MILLIS } from "../connection/Connection.ts"
import type { Notifications } from "../connection/Notifications.ts"
import { failureOf, type Scripts } from "../connection/Scripts.ts"
import { KEY, RUN } from "../lua/Codes.ts"
import type { Blobs } from "./Blobs.ts"
import * as RunIndexes from "./RunIndexes.ts"
import { readLines } from "./RunLines.ts"
import { digestOf, eventsOf, isOver, RunReader, type StoredPlan } from "./RunReader.ts"

/** How often a waiting caller polls without a notification, in milliseconds. */
export const LOOK_MILLIS = 1_000

/** How long all processes publish which runs change or end after one has asked for it, in milliseconds. */
const WATCHED_MILLIS = 5_000

/** While the Store closes: how often to check whether all calls are answered, in milliseconds, and in how many checks in a row. */
const TURN_MILLIS = 2
const QUIET_TURNS = 3

/** How many runs are read together to be filtered. */
const MAX_TOGETHER = 100

type Client = Scripts["client"]

/** The runs of one Store. */
export class RedisRuns {
  /** Reads runs and events from their keys. */
  readonly reader: RunReader
  readonly #scripts: Scripts
  readonly #notifications: Notifications
  readonly #clock: Clock.Clock
  readonly #watchedUntil = { runs: Number.NEGATIVE_INFINITY, ended: Number.NEGATIVE_INFINITY }
  /** Functions that make waiting callers look now. */
  readonly #waiters: Set<() => void> = new Set()
  #isClosing = false

  constructor(scripts: Scripts, notifications: Notifications, maxValueBytes: number, blobs: Blobs, clock: Clock.Clock) {
    this.reader = new RunReader(scripts, maxValueBytes, blobs)
    this.#scripts = scripts
    this.#notifications = notifications
    this.#clock = clock
  }

  get = (runId: string): Effect.Effect<Run.Run, RunNotFound | StoreUnavailable> =>
    Effect.flatMap(
      this.#scripts.ask(() => this.reader.run(runId)),
      (run) => found(runId, run)
    )

  pipelineOf = (runId: string): Effect.Effect<string, RunNotFound | StoreUnavailable> =>
    Effect.map(this.about(runId), ({ pipelineId }) => pipelineId)

  outline = (runId: string): Effect.Effect<Outline, RunNotFound | StoreUnavailable> =>
    Effect.flatMap(
      this.#scripts.ask(() => this.reader.outline(runId)),
      (outline) => found(runId, outline)
    )

  value = (runId: string, name: string): Effect.Effect<Json | undefined, RunNotFound | StoreUnavailable> =>
    Effect.flatMap(
      this.#scripts.ask(() => this.reader.value(runId, name)),
      (value) => (value === null ? Effect.fail(new RunNotFound(runId)) : Effect.succeed(value))
    )

  lines = (runId: string): Effect.Effect<Lines, RunNotFound | StoreUnavailable> =>
    Effect.flatMap(
      this.#scripts.ask(() => readLines(this.#scripts, runId)),
      (lines) => found(runId, lines)
    )

  wait = (runId: string): Effect.Effect<Run.Run, RunNotFound | StoreUnavailable> =>
    Effect.suspend(() => {
      let run: Run.Run | undefined
      const over = this.waitUntil("ended", runId, async (client, prefix, isNotified) => {
        // Most looks without a notification find an unfinished run: the header is enough to see that.
        if (!isNotified && !isOver(await client.hget(`${prefix}${KEY.run}${runId}`, RUN.header))) return false
        run = await this.reader.run(runId)
        return run === undefined || Run.isTerminal(run.status)
      })
      return Effect.flatMap(over, (is) => (is ? found(runId, run) : this.get(runId)))
    })

  watch = (runId: string, after = 0, isBare = false): Stream.Stream<Event, RunNotFound | StoreUnavailable> =>
    Stream.fromPull(
      Effect.map(this.about(runId), ({ pipelineId, plan }) => {
        const batchSize = new BatchSize()
        let place = after
        let ended = false
        type Some = readonly [Event, ...Array<Event>]
        const pull: Effect.Effect<Some, Cause.Done | RunNotFound | StoreUnavailable> = Effect.suspend(() => {
          if (ended) return done()
          let found: ReadonlyArray<Event> = []
          let isGone = false
          const grown = this.waitUntil("runs", runId, async (client, prefix) => {
            const header = await client.hget(`${prefix}${KEY.run}${runId}`, RUN.header)
            const last = header === null ? 0 : eventsOf(header)
            const size = Math.max(0, Math.min(last - place, batchSize.size))
            // One change for each event, so that a full reply can end after any event.
            const changes = Array.from({ length: size }, (_, at) => {
              return { runId, pipelineId, plan, from: place + at, to: place + at + 1 }
            })
            found = (await this.reader.events(changes, isBare)).flatMap((events = []) => events)
            // The run was forgotten before all of its events were read.
            isGone = header === null || (size > 0 && found.length === 0)
            ended = isOver(header) && place + found.length >= last
            return found.length > 0 || ended || isGone
          })
          return Effect.flatMap(grown, (is): Effect.Effect<Some, Cause.Done | RunNotFound | StoreUnavailable> => {
            if (!is) return Effect.fail(closed())
            place += found.length
            batchSize.adapt(lengthOf(found))
            if (found.length > 0) return Effect.succeed(found as unknown as Some)
            return isGone ? Effect.fail(new RunNotFound(runId)) : done()
          })
        })
        return pull
      })
    )

  list = (request: Store.ListRequest): Effect.Effect<Store.RunList, InvalidOption | StoreUnavailable> => {
    const { cursor } = request
    if (cursor !== undefined && !/^\d{1,16}$/.test(cursor)) {
      return Effect.fail(new InvalidOption("cursor", cursor, "the `nextCursor` of an earlier list"))
    }
    const statuses = RunFilter.statusesOf(request)
    if (statuses?.size === 0) return Effect.succeed({ runs: [], nextCursor: undefined })
    const matches = RunFilter.matcher(request)
    return this.#scripts.ask(async () => {
      const found: Array<Run.Summary> = []
      let from = cursor
      for (let read = 0; ; ) {
        const limit = matches === undefined ? request.limit : Math.min(MAX_TOGETHER, RunFilter.MAX_READ - read)
        const page = { ...request, limit, ...(from !== undefined && { cursor: from }) }
        const { ids, places, nextCursor } = await RunIndexes.page(this.#scripts, statuses, page)
        const runs = await this.reader.summaries(ids)
        for (const [at, run] of runs.entries()) {
          // Without the runs whose status has changed meanwhile.
          if (run === undefined || (statuses !== undefined && !statuses.has(run.status))) continue
          if (matches !== undefined && !matches(run)) continue
          if (found.length === request.limit) return { runs: found, nextCursor: from }
          found.push(run)
          from = places[at]
        }
        read += ids.length
        // An empty page comes after many entries that do not count: the caller decides whether to go on.
        const isLast =
          matches === undefined || nextCursor === undefined || read >= RunFilter.MAX_READ || ids.length === 0
        if (isLast) return { runs: found, nextCursor }
        from = nextCursor
      }
    })
  }

  // -- inside --------------------------------------------------------------------------------------------------------

  /**
   * Waits until `condition` returns true. Calls it at each notification of the run (of any run, for an empty text), and at least
   * every `LOOK_MILLIS`. Returns false when the Store closes first, after a last look.
   */
  waitUntil(
    what: "runs" | "ended",
    runId: string,
    condition: (client: Client, prefix: string, isNotified: boolean) => Promise<boolean>
  ): Effect.Effect<boolean, StoreUnavailable> {
    const { client, prefix } = this.#scripts
    return Effect.callback<boolean, StoreUnavailable>((resume) => {
      let timer: ReturnType<typeof setTimeout> | undefined
      let state: "looking" | "again" | "waiting" | "over" = "looking"
      const end = (exit?: Effect.Effect<boolean, StoreUnavailable>): void => {
        state = "over"
        clearTimeout(timer)
        unsubscribe()
        this.#waiters.delete(wake)
        if (exit !== undefined) resume(exit)
      }
      const look = async (isNotified = false): Promise<void> => {
        clearTimeout(timer)
        state = "looking"
        const isLast = this.#isClosing
        try {
          await this.#watch(what)
          const is = await condition(client, prefix, isNotified)
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
      const wake = (): void => {
        if (state === "waiting") look(true)
        else if (state === "looking") state = "again"
      }
      const unsubscribe = this.#notifications[what].add(runId, wake)
      this.#waiters.add(wake)
      look()
      return Effect.sync(() => end())
    })
  }

  /** Ends all waits, each after a last look, and waits until all calls are answered. */
  async close(): Promise<void> {
    this.#isClosing = true
    for (const wake of this.#waiters) wake()
    const untilMillis = Monotonic.millis(this.#clock) + COMMAND_MILLIS
    // Several checks in a row, because an answered caller may make another call.
    for (let quiet = 0; quiet < QUIET_TURNS && Monotonic.millis(this.#clock) < untilMillis; quiet++) {
      await new Promise((resolve) => setTimeout(resolve, TURN_MILLIS))
      if (this.#waiters.size + this.#scripts.underWay > 0) quiet = -1
    }
  }

  /** Calls a listener at each notification of changed runs, before the waiting callers. */
  onChange(listener: () => void): void {
    this.#notifications.runs.add("", listener)
  }

  /** Makes all processes publish which runs change or end. */
  async #watch(what: "runs" | "ended"): Promise<void> {
    const now = Monotonic.millis(this.#clock)
    if (now < this.#watchedUntil[what]) return
    const { client, prefix } = this.#scripts
    this.#watchedUntil[what] = now + WATCHED_MILLIS - 2 * LOOK_MILLIS
    await client.set(`${prefix}${what === "runs" ? KEY.watchers : KEY.waiters}`, "1", "PX", WATCHED_MILLIS)
  }

  /** The plan of a run, and its digest. */
  about(runId: string): Effect.Effect<StoredPlan & { readonly plan: string }, RunNotFound | StoreUnavailable> {
    return Effect.flatMap(
      this.#scripts.ask(async (client, prefix) => {
        const header = await client.hget(`${prefix}${KEY.run}${runId}`, RUN.header)
        const plan = header === null ? undefined : digestOf(header)
        const known = plan === undefined ? undefined : await this.reader.planOf(plan)
        return known && { ...known, plan: plan! }
      }),
      (about) => found(runId, about)
    )
  }
}

/** The failure of callers that still wait when the Store closes. */
export const closed = (): StoreUnavailable => new StoreUnavailable("The Store is closed: this process is shutting down")

const found = <A>(runId: string, what: A | undefined): Effect.Effect<A, RunNotFound> =>
  what === undefined ? Effect.fail(new RunNotFound(runId)) : Effect.succeed(what)
