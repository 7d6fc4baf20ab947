/** The schedules of a Store on Redis. */
import * as Effect from "effect/Effect"
import type { Schedule } from "../../../core/run/Schedule.ts"
import {
  type DueSchedule,
  type Firing,
  MAX_DUE,
  MAX_DUE_BYTES,
  MAX_UNFINISHED,
  type ScheduleStore,
  type TakesAfter
} from "../../../core/store/ScheduleStore.ts"
import { ScheduleExists, ScheduleNotFound, StoreUnavailable } from "../../../core/values/Errors.ts"
import type { Notifications } from "../connection/Notifications.ts"
import { type Argument, attempt, type Scripts, sha1, toUnavailable } from "../connection/Scripts.ts"
import { LOOK_MILLIS } from "../runs/RedisRuns.ts"
import type { Submissions } from "../work/Submissions.ts"

/** How many schedules are kept. */
const MAX_SCHEDULES = 10_000

/** How many due schedules are looked at in one call. */
const PAGE = 200

/** What a look finds: the Store's time, the next instant to come, and what is due. */
type Looked = readonly [
  now: string,
  later: string,
  due: ReadonlyArray<readonly [id: string, pipelineId: string, version: string, createdAt: string, nextAt: string]>
]

/** What became of a firing, and in how many milliseconds something is due. */
type Fired = readonly ["GONE" | "PLAN" | "FIRED", string?]

type Shown = readonly [
  definition: string,
  createdAt: string,
  nextAt: string,
  paused: string,
  lastAt: string | null,
  lastRun: string | null,
  fired: string,
  skipped: string,
  version: string | null
]

export class RedisSchedules implements ScheduleStore {
  readonly #scripts: Scripts
  readonly #news: Notifications
  readonly #submitting: Submissions
  readonly #dueAfter: (millis: string) => void

  /** `dueAfter` is told in how many milliseconds something of the runs that were started is due. */
  constructor(scripts: Scripts, news: Notifications, submitting: Submissions, dueAfter: (millis: string) => void) {
    this.#scripts = scripts
    this.#news = news
    this.#submitting = submitting
    this.#dueAfter = dueAfter
  }

  put = (schedule: Schedule, replace: boolean): Effect.Effect<Schedule, ScheduleExists | StoreUnavailable> => {
    const { id, pipelineId, version, createdAtMillis, nextAtMillis } = schedule
    const args = [
      id,
      definitionOf(schedule),
      createdAtMillis,
      nextAtMillis,
      replace ? "1" : "",
      pipelineId,
      MAX_SCHEDULES,
      version
    ]
    return Effect.flatMap(
      this.#scripts.run<Shown | "EXISTS" | "FULL">("putSchedule", args),
      (answer): Effect.Effect<Schedule, ScheduleExists | StoreUnavailable> => {
        if (answer === "EXISTS") return Effect.fail(new ScheduleExists(id))
        if (answer === "FULL") {
          return Effect.fail(new StoreUnavailable(`No new schedule is taken: ${MAX_SCHEDULES} are kept`))
        }
        return Effect.succeed(scheduleOf(id, answer))
      }
    )
  }

  get = (id: string): Effect.Effect<Schedule, ScheduleNotFound | StoreUnavailable> =>
    this.#found(id, "getSchedule", [id])

  list: Effect.Effect<ReadonlyArray<Schedule>, StoreUnavailable> = Effect.suspend(() =>
    this.#scripts.ask(async (client, prefix) => {
      const ids = [...(await client.smembers(`${prefix}schedules`))].sort()
      const all: Array<Schedule> = []
      for (let from = 0; from < ids.length; ) {
        const some = ids.slice(from, from + MAX_DUE)
        const read = await this.#read(some)
        for (const schedule of read) if (schedule !== undefined) all.push(schedule)
        from += read.length
      }
      return all
    })
  )

  remove = (id: string): Effect.Effect<void, ScheduleNotFound | StoreUnavailable> =>
    Effect.flatMap(this.#scripts.run<number>("dropSchedule", [id]), (count) =>
      count === 0 ? Effect.fail(new ScheduleNotFound(id)) : Effect.void
    )

  pause = (id: string): Effect.Effect<Schedule, ScheduleNotFound | StoreUnavailable> =>
    this.#found(id, "pauseSchedule", [id, "1", ""])

  resume = (id: string, nextAtMillis: number): Effect.Effect<Schedule, ScheduleNotFound | StoreUnavailable> =>
    this.#found(id, "pauseSchedule", [id, "", nextAtMillis])

  due = (takesAfter: TakesAfter): Effect.Effect<ReadonlyArray<DueSchedule>, StoreUnavailable> =>
    Effect.callback<ReadonlyArray<DueSchedule>, StoreUnavailable>((resume) => {
      let timer: ReturnType<typeof setTimeout> | undefined
      let looks = 0
      const look = (): void => {
        clearTimeout(timer)
        const number = ++looks
        this.#look(takesAfter).then(
          ({ due, inMillis }) => {
            // Another look has begun since, or the answer is not waited for any more.
            if (number !== looks) return
            if (due.length > 0) {
              end()
              resume(Effect.succeed(due))
            } else timer = setTimeout(look, inMillis)
          },
          (error) => {
            if (number !== looks) return
            end()
            resume(Effect.fail(toUnavailable(error)))
          }
        )
      }
      const deaf = this.#news.schedules.add("", look)
      const end = (): void => {
        looks++
        clearTimeout(timer)
        deaf()
      }
      look()
      return Effect.sync(end)
    })

  fire = (firing: Firing): Effect.Effect<boolean, StoreUnavailable> => attempt(() => this.#fire(firing))

  async #fire({ schedule, version, runs, dropped, nextAtMillis }: Firing): Promise<boolean> {
    const { id, createdAtMillis, nextAtMillis: seenAtMillis, overlap } = schedule
    // By its digest: with its parameters it may be long.
    const seen = await sha1(definitionOf(schedule))
    const args: Array<Argument> = [id, seen, createdAtMillis, seenAtMillis, nextAtMillis, dropped]
    args.push(overlap, MAX_UNFINISHED, ...this.#submitting.bounds, version, runs.length)
    for (const run of runs) {
      args.push(run.schedule!.tickMillis)
      await this.#submitting.write(args, run)
    }
    const fire = async () => (await this.#scripts.call("fireSchedule", args)) as Fired
    let [answer, due = ""] = await fire()
    if (answer === "PLAN") {
      await this.#submitting.bring(runs)
      ;[answer, due = ""] = await fire()
    }
    this.#dueAfter(due)
    return answer === "FIRED"
  }

  /** What is due for a server, or else in how many milliseconds to look again. */
  async #look(
    takesAfter: TakesAfter
  ): Promise<{ readonly due: ReadonlyArray<DueSchedule>; readonly inMillis: number }> {
    const ids: Array<string> = []
    let inMillis = LOOK_MILLIS
    let nowMillis = 0
    for (let from = 0; ids.length < MAX_DUE; from += PAGE) {
      const [now, later, heads] = (await this.#scripts.call("dueSchedules", [from, PAGE])) as Looked
      nowMillis = Number(now)
      if (later !== "") inMillis = Math.min(inMillis, Number(later) - nowMillis)
      for (const [id, pipelineId, version, createdAt, nextAt] of heads) {
        const after = takesAfter({ id, pipelineId, version, createdAtMillis: Number(createdAt) })
        if (after === undefined) continue
        const left = Number(nextAt) + after - nowMillis
        if (left > 0) inMillis = Math.min(inMillis, left)
        else if (ids.length < MAX_DUE) ids.push(id)
      }
      if (heads.length < PAGE) break
    }
    const read = ids.length === 0 ? [] : await this.#read(ids)
    const due: Array<DueSchedule> = []
    for (const schedule of read) {
      if (schedule === undefined) continue
      // Another server may have fired it since the first look.
      const left = schedule.nextAtMillis - nowMillis
      if (left <= 0) due.push({ schedule, nowMillis })
      else inMillis = Math.min(inMillis, left)
    }
    return { due, inMillis }
  }

  /** Some schedules, from the first one on: as many as one reply may hold. Undefined where one is gone. */
  async #read(ids: ReadonlyArray<string>): Promise<ReadonlyArray<Schedule | undefined>> {
    const shown = (await this.#scripts.call("readSchedules", [MAX_DUE_BYTES, ...ids])) as ReadonlyArray<Shown>
    return shown.map((each, at) => (each[0] === null ? undefined : scheduleOf(ids[at]!, each)))
  }

  #found(
    id: string,
    script: "getSchedule" | "pauseSchedule",
    args: ReadonlyArray<Argument>
  ): Effect.Effect<Schedule, ScheduleNotFound | StoreUnavailable> {
    return Effect.flatMap(this.#scripts.run<Shown | null>(script, args), (shown) =>
      shown === null || shown[0] === null
        ? Effect.fail(new ScheduleNotFound(id))
        : Effect.succeed(scheduleOf(id, shown))
    )
  }
}

type Definition = Omit<
  Schedule,
  "id" | "version" | "createdAtMillis" | "paused" | "nextAtMillis" | "lastAtMillis" | "lastRunId" | "fired" | "skipped"
>

/** The same text for the same definition. */
const definitionOf = ({ pipelineId, timing, parameters, catchUp, overlap, priority, graceMillis }: Schedule): string =>
  JSON.stringify({
    pipelineId,
    timing: timing.cron !== undefined ? { cron: timing.cron, timeZone: timing.timeZone } : timing,
    parameters,
    catchUp,
    overlap,
    priority,
    graceMillis
  } satisfies { readonly [K in keyof Definition]: unknown })

const scheduleOf = (
  id: string,
  [definition, createdAt, nextAt, paused, lastAt, lastRun, fired, skipped, version]: Shown
): Schedule => ({
  id,
  ...(JSON.parse(definition) as Definition),
  version: version ?? "",
  createdAtMillis: Number(createdAt),
  paused: paused === "1",
  nextAtMillis: Number(nextAt),
  lastAtMillis: lastAt === null ? undefined : Number(lastAt),
  lastRunId: lastRun ?? undefined,
  fired: Number(fired),
  skipped: Number(skipped)
})
