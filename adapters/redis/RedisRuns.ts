/** What a Store on Redis says of its runs: as they are, and as they change. */
import type * as Cause from "effect/Cause"
import { done } from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { InvalidOption, RunNotFound, type StoreUnavailable } from "../../core/Errors.ts"
import type { Event } from "../../core/Event.ts"
import { type Change, lengthOf, Pace } from "../../core/Feed.ts"
import type { Load } from "../../core/Load.ts"
import type { Lines } from "../../core/Log.ts"
import * as Run from "../../core/Run.ts"
import type * as Store from "../../core/Store.ts"
import type { Json } from "../../core/Value.ts"
import type { Blobs } from "./Blobs.ts"
import type { News } from "./News.ts"
import * as PlanCode from "./PlanCode.ts"
import * as RedisLoad from "./RedisLoad.ts"
import { type About, readEvent, readLine, readRun, requestIdOf } from "./RunCode.ts"
import { type Scripts, toUnavailable } from "./Scripts.ts"

/** How long at most between two looks of somebody who waits for news, in milliseconds. */
export const LOOK_MILLIS = 1_000

/** How long others publish which runs change or end, after somebody has asked for that, in milliseconds. */
const WATCHED_MILLIS = 5_000

/** How many plans' steps are remembered. */
const MAX_PLANS = 1_000

type Client = Scripts["client"]

/** What is known of a plan. */
export interface Known {
  readonly steps: PlanCode.Steps
  readonly pipelineId: string
  /** What is known of its runs from the start. */
  readonly shape: string
}

/** Runs as they are read. */
export class RedisRuns {
  readonly #scripts: Scripts
  readonly #news: News
  readonly #maxValueBytes: number
  readonly #blobs: Blobs
  readonly #plans: Map<string, Known> = new Map()
  readonly #watchedUntil = { runs: 0, ended: 0 }

  constructor(scripts: Scripts, news: News, maxValueBytes: number, blobs: Blobs) {
    this.#blobs = blobs
    this.#scripts = scripts
    this.#news = news
    this.#maxValueBytes = maxValueBytes
  }

  get = (runId: string): Effect.Effect<Run.Run, RunNotFound | StoreUnavailable> =>
    Effect.flatMap(this.#read(runId), (run) => found(runId, run))

  lines = (runId: string): Effect.Effect<Lines, RunNotFound | StoreUnavailable> =>
    Effect.flatMap(
      this.#scripts.ask((client, prefix) =>
        Promise.all([
          client.hmget(`${prefix}r:${runId}`, "h", "D"),
          client.lrange(`${prefix}g:${runId}`, 0, -1)
        ] as const)
      ),
      ([[header, dropped], lines]) =>
        header == null
          ? Effect.fail(new RunNotFound(runId))
          : Effect.succeed({ lines: lines.map(readLine), dropped: Number(dropped ?? 0) })
    )

  wait = (runId: string): Effect.Effect<Run.Run, RunNotFound | StoreUnavailable> =>
    Effect.suspend(() => {
      let run: Run.Run | undefined
      const over = this.told("ended", runId, async (client, prefix, isTold) => {
        // Before it is told to be over it mostly is not, and is not read for that.
        if (!isTold && !isOver(await client.hget(`${prefix}r:${runId}`, "h"))) return false
        run = await this.#fetch(runId)
        return run === undefined || Run.isTerminal(run.status)
      })
      return Effect.flatMap(over, () => found(runId, run))
    })

  watch = (runId: string, after = 0): Stream.Stream<Event, RunNotFound | StoreUnavailable> =>
    Stream.fromPull(
      Effect.map(this.about(runId), (about) => {
        const pace = new Pace()
        let place = after
        let ended = false
        const pull: Effect.Effect<readonly [Event, ...Array<Event>], Cause.Done | StoreUnavailable> = Effect.suspend(
          () => {
            if (ended) return done()
            let found: ReadonlyArray<Event> = []
            const grown = this.told("runs", runId, async (client, prefix) => {
              const key = `${prefix}r:${runId}`
              const header = await client.hget(key, "h")
              const last = header === null ? 0 : eventsOf(header)
              const to = Math.min(last, place + pace.size)
              ended = isOver(header) && to >= last
              if (to > place) {
                const texts = await client.hmget(
                  key,
                  ...Array.from({ length: to - place }, (_, at) => String(place + at + 1))
                )
                found = await this.#events(texts as ReadonlyArray<string | null>, place, { ...about, runId })
                // Forgotten meanwhile: there is nothing more to be seen of it.
                if (found.length < texts.length) ended = true
              }
              return found.length > 0 || ended
            })
            return Effect.flatMap(grown, () => {
              place += found.length
              pace.took(lengthOf(found))
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

  load: Effect.Effect<Load, StoreUnavailable> = Effect.suspend(() =>
    this.#scripts.ask(() => RedisLoad.look(this.#scripts, (runId) => this.#fetch(runId)))
  )

  // -- inside --------------------------------------------------------------------------------------------------------

  /** Waits until `isSo`, looking whenever the run (or any, for an empty text) is told to have changed or ended, and now and then. */
  told(
    what: "runs" | "ended",
    runId: string,
    isSo: (client: Client, prefix: string, isTold: boolean) => Promise<boolean>
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
      const look = async (isTold = false): Promise<void> => {
        clearTimeout(timer)
        state = "looking"
        try {
          await this.#watch(what)
          const is = await isSo(client, prefix, isTold)
          const now = state as "looking" | "again" | "over"
          if (now === "over") return
          if (is) end(Effect.void)
          else if (now === "again") look(true)
          else {
            state = "waiting"
            timer = setTimeout(() => look(), LOOK_MILLIS)
          }
        } catch (error) {
          if ((state as string) !== "over") end(Effect.fail(toUnavailable(error)))
        }
      }
      const deaf = this.#news[what].add(runId, () => {
        if (state === "waiting") look(true)
        else if (state === "looking") state = "again"
      })
      look()
      return Effect.sync(() => end())
    })
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

  async #events(
    texts: ReadonlyArray<string | null>,
    after: number,
    about: About,
    isBare = false
  ): Promise<ReadonlyArray<Event>> {
    const there = texts.filter((text) => text !== null)
    const names = isBare ? [] : [...new Set(there.flatMap(namesOf))]
    const { client, prefix } = this.#scripts
    const values =
      names.length === 0 ? [] : await client.hmget(`${prefix}r:${about.runId}`, ...names.map((name) => `v${name}`))
    const record: Record<string, Json> = Object.create(null)
    for (const [at, name] of names.entries()) record[name] = await this.#blobs.back(values[at] ?? "null")
    return there.map((text, at) => readEvent(text, after + at + 1, about, record))
  }

  /** The events of a run of that plan behind one sequence up to another one; nothing when they are forgotten. */
  async eventsOf(
    digest: string,
    { runId, from, to }: Change,
    isBare: boolean
  ): Promise<ReadonlyArray<Event> | undefined> {
    const plan = await this.planOf(digest)
    if (plan === undefined) return undefined
    const places = Array.from({ length: to - from }, (_, at) => String(from + at + 1))
    const [own, ...texts] = await this.#scripts.client.hmget(`${this.#scripts.prefix}r:${runId}`, "j", ...places)
    const about = { ...plan, runId, requestId: requestIdOf(own ?? undefined), maxValueBytes: this.#maxValueBytes }
    const events = await this.#events(texts, from, about, isBare)
    return events.length === places.length ? events : undefined
  }

  /** What is known of a plan; nothing when it has no run any more. */
  async planOf(digest: string): Promise<Known | undefined> {
    const known = this.#plans.get(digest)
    if (known !== undefined) return known
    const { client, prefix } = this.#scripts
    const [steps, version, shape] = await client.hmget(`${prefix}p:${digest}`, "m", "q", "j")
    if (steps == null) return undefined
    const plan = {
      steps: PlanCode.read(steps),
      pipelineId: version!.slice(version!.indexOf(":") + 1),
      shape: shape!
    }
    if (this.#plans.size >= MAX_PLANS) this.#plans.clear()
    this.#plans.set(digest, plan)
    return plan
  }

  /** What has to be known of a run to read its events. */
  about(runId: string): Effect.Effect<Omit<About, "runId">, RunNotFound | StoreUnavailable> {
    return Effect.flatMap(
      this.#scripts.ask(async (client, prefix) => {
        const [header, own] = await client.hmget(`${prefix}r:${runId}`, "h", "j")
        const plan = header == null ? undefined : await this.planOf(digestOf(header))
        return plan && { ...plan, requestId: requestIdOf(own ?? undefined) }
      }),
      (about) =>
        about === undefined
          ? Effect.fail(new RunNotFound(runId))
          : Effect.succeed({ ...about, maxValueBytes: this.#maxValueBytes })
    )
  }

  #read(runId: string): Effect.Effect<Run.Run | undefined, StoreUnavailable> {
    return this.#scripts.ask(() => this.#fetch(runId))
  }

  async #fetch(runId: string): Promise<Run.Run | undefined> {
    const fields = await this.#scripts.client.hgetall(`${this.#scripts.prefix}r:${runId}`)
    let header = ""
    let submittedAt = 0
    let own: string | undefined
    const texts: Array<string> = []
    const values: Record<string, Json> = Object.create(null)
    for (const [field, text] of Object.entries(fields)) {
      if (field[0] === "v") values[field.slice(1)] = text
      else if (field[0]! >= "1" && field[0]! <= "9") texts[Number(field) - 1] = text
      else if (field === "h") header = text
      else if (field === "m") submittedAt = Math.floor(Number(text) / PER_MILLI)
      else if (field === "j") own = text
    }
    const plan = header === "" ? undefined : await this.planOf(digestOf(header))
    if (plan === undefined) return undefined
    if (this.#blobs.isUsed) for (const name in values) values[name] = await this.#blobs.back(values[name]!)
    const run = readRun(runId, plan.shape, own, submittedAt, plan.steps, values)
    const { requestId } = run
    const about = { ...plan, runId, requestId, maxValueBytes: this.#maxValueBytes }
    return Run.fold(
      run,
      texts.map((text, at) => readEvent(text, at + 1, about, values))
    )
  }
}

const found = (runId: string, run: Run.Run | undefined): Effect.Effect<Run.Run, RunNotFound> =>
  run === undefined ? Effect.fail(new RunNotFound(runId)) : Effect.succeed(run)

/** How many places in the order of submission a millisecond has. */
const PER_MILLI = 1_000

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

// What a run's header says; LuaBase.ts has the whole of it.

const isOver = (header: string | null): boolean => header === null || !/^[PR]/.test(header)

const digestOf = (header: string): string => header.slice(header.lastIndexOf("|") + 1)

const eventsOf = (header: string): number => Number(header.split("|", 3)[2])
