/** What a Store on Redis says of its runs: as they are, and as they change. */
import type * as Cause from "effect/Cause"
import { done } from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { InvalidOption, RunNotFound, type StoreUnavailable } from "../../core/Errors.ts"
import type { Event } from "../../core/Event.ts"
import type { Lines } from "../../core/Log.ts"
import * as Run from "../../core/Run.ts"
import type * as Store from "../../core/Store.ts"
import type { News } from "./News.ts"
import * as PlanCode from "./PlanCode.ts"
import { type About, readEvent, readLine, readRun, toRecord } from "./RunCode.ts"
import { type Scripts, toUnavailable } from "./Scripts.ts"

/** How long at most between two looks of somebody who waits for news, in milliseconds. */
export const LOOK_MILLIS = 1_000

/** How long others publish what changes in runs, after somebody has said that it is watched, in milliseconds. */
const WATCHED_MILLIS = 5_000

/** How many plans' steps are remembered. */
const MAX_PLANS = 1_000

type Client = Scripts["client"]

/** Runs as they are read. */
export class RedisRuns {
  readonly #scripts: Scripts
  readonly #news: News
  readonly #maxValueLength: number
  readonly #plans: Map<string, PlanCode.Steps> = new Map()
  #watchedUntil = 0

  constructor(scripts: Scripts, news: News, maxValueLength: number) {
    this.#scripts = scripts
    this.#news = news
    this.#maxValueLength = maxValueLength
  }

  get = (runId: string): Effect.Effect<Run.Run, RunNotFound | StoreUnavailable> =>
    Effect.flatMap(this.#read(runId), (run) =>
      run === undefined ? Effect.fail(new RunNotFound(runId)) : Effect.succeed(run)
    )

  lines = (runId: string): Effect.Effect<Lines, RunNotFound | StoreUnavailable> =>
    Effect.flatMap(
      this.#do((client, prefix) =>
        Promise.all([
          client.hmget(`${prefix}r:${runId}`, "s", "D"),
          client.lrange(`${prefix}g:${runId}`, 0, -1)
        ] as const)
      ),
      ([[status, dropped], lines]) =>
        status == null
          ? Effect.fail(new RunNotFound(runId))
          : Effect.succeed({ lines: lines.map(readLine), dropped: Number(dropped ?? 0) })
    )

  wait = (runId: string): Effect.Effect<Run.Run, RunNotFound | StoreUnavailable> => {
    const look: Effect.Effect<Run.Run, RunNotFound | StoreUnavailable> = Effect.flatMap(
      this.#changed(runId, async (client, prefix) => {
        const status = await client.hget(`${prefix}r:${runId}`, "s")
        return status !== "P" && status !== "R"
      }),
      () => this.get(runId)
    )
    return look
  }

  watch = (runId: string, after = 0): Stream.Stream<Event, RunNotFound | StoreUnavailable> =>
    Stream.fromPull(
      Effect.map(this.about(runId), (about) => {
        let place = after
        let isOver = false
        const pull: Effect.Effect<readonly [Event, ...Array<Event>], Cause.Done | StoreUnavailable> = Effect.suspend(
          () => {
            if (isOver) return done()
            let found: ReadonlyArray<Event> = []
            const grown = this.#changed(runId, async (client, prefix) => {
              const [texts, status] = await Promise.all([
                client.lrange(`${prefix}e:${runId}`, place, -1),
                client.hget(`${prefix}r:${runId}`, "s")
              ])
              // The status was read after the log: when it is final, nothing comes after these.
              isOver = status !== "P" && status !== "R"
              const names = [...new Set(texts.flatMap(namesOf))]
              const values = names.length === 0 ? [] : await client.hmget(`${prefix}v:${runId}`, ...names)
              const record = toRecord(names.flatMap((name, at) => [name, values[at] ?? "null"]))
              found = texts.map((text, at) => readEvent(text, place + at + 1, { ...about, runId }, record))
              return texts.length > 0 || isOver
            })
            return Effect.flatMap(grown, () => {
              place += found.length
              return found.length > 0 ? Effect.succeed(found as [Event, ...Array<Event>]) : done()
            })
          }
        )
        return pull
      })
    )

  list = (request: Store.ListRequest): Effect.Effect<Store.RunList, InvalidOption | StoreUnavailable> => {
    const { pipelineId, status, sinceMillis, untilMillis, limit, cursor } = request
    if (cursor !== undefined && !/^\d{1,16}$/.test(cursor)) {
      return Effect.fail(new InvalidOption("cursor", cursor, "the `nextCursor` of an earlier list"))
    }
    const isUnfinished = status === "PENDING" || status === "RUNNING"
    const key = isUnfinished ? "unfinished" : pipelineId === undefined ? "all" : `all:${pipelineId}`
    const least = sinceMillis === undefined ? "-inf" : Math.ceil(sinceMillis) * PER_MILLI
    const until = untilMillis === undefined ? Number.POSITIVE_INFINITY : Math.ceil(untilMillis) * PER_MILLI
    const before = Math.min(until, cursor === undefined ? Number.POSITIVE_INFINITY : Number(cursor))
    const most = before === Number.POSITIVE_INFINITY ? "+inf" : `(${before}`
    const code = status === undefined ? "" : CODES[status]
    return Effect.flatMap(
      this.#scripts.run<readonly [ReadonlyArray<string>, string]>("list", [
        key,
        least,
        most,
        limit,
        code,
        isUnfinished ? (pipelineId ?? "") : ""
      ]),
      ([ids, next]) =>
        Effect.map(
          Effect.forEach(ids, (id) => this.#read(id), { concurrency: "unbounded" }),
          (runs) => ({
            // One that was forgotten meanwhile is not in the list.
            runs: runs.filter((run) => run !== undefined),
            nextCursor: next === "" ? undefined : next
          })
        )
    )
  }

  // -- inside --------------------------------------------------------------------------------------------------------

  /** Waits until `isSo`, looking whenever the run has changed, and now and then. */
  #changed(
    runId: string,
    isSo: (client: Client, prefix: string) => Promise<boolean>
  ): Effect.Effect<void, StoreUnavailable> {
    const { client, prefix } = this.#scripts
    return Effect.callback<void, StoreUnavailable>((resume) => {
      let timer: ReturnType<typeof setTimeout> | undefined
      let state: "looking" | "again" | "waiting" | "over" = "looking"
      const end = (exit?: Effect.Effect<void, StoreUnavailable>): void => {
        state = "over"
        clearTimeout(timer)
        deaf()
        if (exit !== undefined) resume(exit)
      }
      const look = async (): Promise<void> => {
        clearTimeout(timer)
        state = "looking"
        try {
          await this.#watch()
          const is = await isSo(client, prefix)
          const now = state as "looking" | "again" | "over"
          if (now === "over") return
          if (is) end(Effect.void)
          else if (now === "again") look()
          else {
            state = "waiting"
            timer = setTimeout(look, LOOK_MILLIS)
          }
        } catch (error) {
          if ((state as string) !== "over") end(Effect.fail(toUnavailable(error)))
        }
      }
      const deaf = this.#news.runs.add(runId, () => {
        if (state === "waiting") look()
        else if (state === "looking") state = "again"
      })
      look()
      return Effect.sync(() => end())
    })
  }

  /** Has others publish what changes in runs. */
  async #watch(): Promise<void> {
    const now = Date.now()
    if (now < this.#watchedUntil) return
    const { client, prefix } = this.#scripts
    this.#watchedUntil = now + WATCHED_MILLIS - 2 * LOOK_MILLIS
    await client.set(`${prefix}watchers`, "1", "PX", WATCHED_MILLIS)
  }

  async #stepsOf(digest: string): Promise<PlanCode.Steps | undefined> {
    const known = this.#plans.get(digest)
    if (known !== undefined) return known
    const { client, prefix } = this.#scripts
    const text = await client.hget(`${prefix}p:${digest}`, "m")
    if (text === null) return undefined
    const steps = PlanCode.read(text)
    if (this.#plans.size >= MAX_PLANS) this.#plans.clear()
    this.#plans.set(digest, steps)
    return steps
  }

  /** What has to be known of a run to read its events. */
  about(runId: string): Effect.Effect<Omit<About, "runId">, RunNotFound | StoreUnavailable> {
    return Effect.flatMap(
      this.#do(async (client, prefix) => {
        const [pipelineId, digest] = await client.hmget(`${prefix}r:${runId}`, "i", "p")
        const steps = digest == null ? undefined : await this.#stepsOf(digest)
        return steps && { pipelineId: pipelineId!, steps, maxValueLength: this.#maxValueLength }
      }),
      (about) => (about === undefined ? Effect.fail(new RunNotFound(runId)) : Effect.succeed(about))
    )
  }

  #read(runId: string): Effect.Effect<Run.Run | undefined, StoreUnavailable> {
    return this.#do(async () => {
      const found = (await this.#scripts.call("read", [runId, 0])) as
        | readonly [string, string, string, string, ReadonlyArray<string>, ReadonlyArray<string>]
        | null
      const steps = found === null ? undefined : await this.#stepsOf(found[2])
      if (found === null || steps === undefined) return undefined
      const [text, submittedAt, , , events, flat] = found
      const values = toRecord(flat)
      const run = readRun(text, submittedAt, steps, values)
      const about = { runId, pipelineId: run.pipelineId, steps, maxValueLength: this.#maxValueLength }
      return Run.fold(
        run,
        events.map((event, at) => readEvent(event, at + 1, about, values))
      )
    })
  }

  #do<A>(ask: (client: Client, prefix: string) => Promise<A>): Effect.Effect<A, StoreUnavailable> {
    const { client, prefix } = this.#scripts
    return Effect.tryPromise({ try: () => ask(client, prefix), catch: toUnavailable })
  }
}

/** How many places in the order of submission a millisecond has. */
const PER_MILLI = 2_048

const CODES: Readonly<Record<Run.RunStatus, string>> = {
  PENDING: "P",
  RUNNING: "R",
  COMPLETED: "C",
  FAILED: "F",
  CANCELLED: "X"
}

/** The names of the values that an event is about. */
const namesOf = (text: string): ReadonlyArray<string> =>
  text.startsWith('["SC"') ? (JSON.parse(text) as [string, number, number, number, number, Array<string>])[5] : []
