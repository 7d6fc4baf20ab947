/** The schedules of a Store in memory. */
import * as Effect from "effect/Effect"
import type { Alarm, Alarms } from "./Alarms.ts"
import { ScheduleExists, ScheduleNotFound, StoreUnavailable } from "./Errors.ts"
import type { MemoryRun } from "./MemoryRun.ts"
import type { NewRun } from "./NewRun.ts"
import type { Schedule } from "./Schedule.ts"
import { type Firing, MAX_UNFINISHED, type Schedules } from "./Schedules.ts"

/** How many schedules are kept. */
const MAX_SCHEDULES = 10_000

interface Entry {
  schedule: Schedule
  /** Its runs that are not over. */
  unfinished: number
  alarm: Alarm | undefined
}

/** Somebody who waits for schedules to be due. */
interface Watcher {
  readonly pipelineIds: ReadonlySet<string>
  readonly grant: (schedules: ReadonlyArray<Schedule>) => void
}

export class MemorySchedules implements Schedules {
  readonly #entries: Map<string, Entry> = new Map()
  readonly #watchers: Set<Watcher> = new Set()
  readonly #alarms: Alarms
  readonly #now: () => number
  readonly #submit: (run: NewRun) => MemoryRun | undefined

  readonly #complete: () => void

  /** `submit` starts a run; nothing where there is no room for it. `complete` is called at the end of an act. */
  constructor(alarms: Alarms, now: () => number, submit: (run: NewRun) => MemoryRun | undefined, complete: () => void) {
    this.#alarms = alarms
    this.#now = now
    this.#submit = submit
    this.#complete = complete
  }

  put = (schedule: Schedule, replace: boolean): Effect.Effect<Schedule, ScheduleExists | StoreUnavailable> =>
    Effect.suspend((): Effect.Effect<Schedule, ScheduleExists | StoreUnavailable> => {
      const { id } = schedule
      const known = this.#entries.get(id)
      if (known !== undefined && isSame(known.schedule, schedule)) return Effect.succeed(known.schedule)
      if (known !== undefined && !replace) return Effect.fail(new ScheduleExists(id))
      if (known === undefined && this.#entries.size >= MAX_SCHEDULES) {
        return Effect.fail(new StoreUnavailable(`No new schedule is taken: ${MAX_SCHEDULES} are kept`))
      }
      // The runs of the one that gives way are runs of this one: they count, and end, as its own.
      const entry: Entry = known ?? { schedule, unfinished: 0, alarm: undefined }
      entry.schedule = schedule
      this.#entries.set(id, entry)
      this.#arm(entry)
      return Effect.succeed(schedule)
    })

  get = (id: string): Effect.Effect<Schedule, ScheduleNotFound> =>
    Effect.map(this.#find(id), ({ schedule }) => schedule)

  list: Effect.Effect<ReadonlyArray<Schedule>> = Effect.sync(() =>
    Array.from(this.#entries.values(), ({ schedule }) => schedule).sort((left, right) => (left.id < right.id ? -1 : 1))
  )

  remove = (id: string): Effect.Effect<void, ScheduleNotFound> =>
    Effect.map(this.#find(id), (entry) => {
      this.#disarm(entry)
      this.#entries.delete(id)
    })

  pause = (id: string): Effect.Effect<Schedule, ScheduleNotFound> =>
    Effect.map(this.#find(id), (entry) => {
      this.#disarm(entry)
      entry.schedule = { ...entry.schedule, paused: true }
      return entry.schedule
    })

  resume = (id: string, nextAtMillis: number): Effect.Effect<Schedule, ScheduleNotFound> =>
    Effect.map(this.#find(id), (entry) => {
      if (entry.schedule.paused) {
        entry.schedule = { ...entry.schedule, paused: false, nextAtMillis }
        this.#arm(entry)
      }
      return entry.schedule
    })

  due = (pipelineIds: ReadonlySet<string>): Effect.Effect<ReadonlyArray<Schedule>> =>
    Effect.callback<ReadonlyArray<Schedule>>((resume) => {
      const due = this.#dueNow(pipelineIds)
      if (due.length > 0) return resume(Effect.succeed(due))
      const watcher: Watcher = {
        pipelineIds,
        grant: (schedules) => {
          this.#watchers.delete(watcher)
          resume(Effect.succeed(schedules))
        }
      }
      this.#watchers.add(watcher)
      return Effect.sync(() => this.#watchers.delete(watcher))
    })

  fire = ({ schedule, runs, dropped, nextAtMillis }: Firing): Effect.Effect<boolean, StoreUnavailable> =>
    Effect.suspend(() => {
      const entry = this.#entries.get(schedule.id)
      if (entry === undefined || entry.schedule.paused || !isAsSeen(entry.schedule, schedule))
        return Effect.succeed(false)
      let last: MemoryRun | undefined
      let fired = 0
      for (const run of runs) {
        const mayOverlap = schedule.overlap !== "skip" || entry.unfinished === 0
        const started = mayOverlap && entry.unfinished < MAX_UNFINISHED ? this.#submit(run) : undefined
        if (started === undefined) continue
        last = started
        fired++
        if (started.isOver) continue
        entry.unfinished++
        started.onEnd.push(() => {
          entry.unfinished--
        })
      }
      entry.schedule = {
        ...schedule,
        nextAtMillis,
        fired: schedule.fired + fired,
        skipped: schedule.skipped + dropped + runs.length - fired,
        ...(last && { lastAtMillis: last.submission.schedule!.tickMillis, lastRunId: last.submission.id })
      }
      this.#arm(entry)
      this.#complete()
      return Effect.succeed(true)
    })

  #find(id: string): Effect.Effect<Entry, ScheduleNotFound> {
    return Effect.suspend(() => {
      const found = this.#entries.get(id)
      return found === undefined ? Effect.fail(new ScheduleNotFound(id)) : Effect.succeed(found)
    })
  }

  #arm(entry: Entry): void {
    this.#disarm(entry)
    if (entry.schedule.paused) return
    entry.alarm = this.#alarms.after(entry.schedule.nextAtMillis - this.#now(), () => {
      entry.alarm = undefined
      // The wall clock may have been set back meanwhile.
      if (entry.schedule.nextAtMillis > this.#now()) this.#arm(entry)
      else this.#tell()
    })
  }

  #disarm(entry: Entry): void {
    if (entry.alarm !== undefined) this.#alarms.remove(entry.alarm)
    entry.alarm = undefined
  }

  #dueNow(pipelineIds: ReadonlySet<string>): ReadonlyArray<Schedule> {
    const now = this.#now()
    const due: Array<Schedule> = []
    for (const { schedule } of this.#entries.values()) {
      if (!schedule.paused && schedule.nextAtMillis <= now && pipelineIds.has(schedule.pipelineId)) due.push(schedule)
    }
    return due
  }

  #tell(): void {
    for (const watcher of [...this.#watchers]) {
      const due = this.#dueNow(watcher.pipelineIds)
      if (due.length > 0) watcher.grant(due)
    }
  }
}

/** Whether two schedules were made from the same definition. */
const isSame = (one: Schedule, other: Schedule): boolean => definitionOf(one) === definitionOf(other)

/** Whether nothing has happened to a schedule since it was seen. */
const isAsSeen = (now: Schedule, seen: Schedule): boolean =>
  now.nextAtMillis === seen.nextAtMillis && now.createdAtMillis === seen.createdAtMillis && isSame(now, seen)

const definitionOf = ({ pipelineId, timing, parameters, catchUp, overlap, priority, graceMillis }: Schedule): string =>
  JSON.stringify([pipelineId, timing, parameters, catchUp, overlap, priority, graceMillis])
