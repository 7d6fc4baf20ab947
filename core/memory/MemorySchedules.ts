/** The schedules of a Store in memory. */
import * as Effect from "effect/Effect"
import * as Version from "../pipeline/Version.ts"
import type { NewRun } from "../run/NewRun.ts"
import { bytesOf, OVERDUE_MILLIS, type Schedule } from "../run/Schedule.ts"
import { MAX_NAMED, type Overdue } from "../store/Load.ts"
import {
  type DueSchedule,
  type Firing,
  MAX_DUE,
  MAX_DUE_BYTES,
  MAX_UNFINISHED,
  type ScheduleStore,
  type TakesAfter
} from "../store/ScheduleStore.ts"
import { ScheduleExists, ScheduleNotFound, StoreUnavailable } from "../values/Errors.ts"
import type { Recorder } from "./Recorder.ts"
import type { MemoryRun } from "./run/MemoryRun.ts"
import type { StoreClock } from "./StoreClock.ts"
import type { WorkerPresence } from "./WorkerPresence.ts"

/** How many schedules are kept. */
const MAX_SCHEDULES = 10_000

/**
 * The longest time between two checks of the clock while schedules wait, in milliseconds: it may be set forward. While
 * the Store's clock is ahead of the wall clock, that is more likely.
 */
const CHECK_MILLIS = 900_000
const RECHECK_MILLIS = 1_000

interface Entry {
  schedule: Schedule
  /** How many of its runs are unfinished: of all versions, and of each by `Version.key`. */
  unfinished: number
  readonly byVersion: Map<string, number>
}

export class MemorySchedules implements ScheduleStore {
  readonly #entries: Map<string, Entry> = new Map()
  /** Counts added and changed schedules, which may be due now; and the callers of `due` to wake. */
  #changes = 0
  readonly #waiters: Set<() => void> = new Set()
  readonly #clock: StoreClock
  readonly #submit: (run: NewRun) => MemoryRun | undefined
  readonly #flush: () => void
  readonly #presence: WorkerPresence
  readonly #recorder: Recorder | undefined

  /** `submit` starts a run; undefined when the Store is full. `flush` ends a Store call. */
  constructor(
    clock: StoreClock,
    submit: (run: NewRun) => MemoryRun | undefined,
    flush: () => void,
    presence: WorkerPresence,
    recorder: Recorder | undefined
  ) {
    this.#recorder = recorder
    this.#clock = clock
    this.#presence = presence
    this.#submit = submit
    this.#flush = flush
  }

  put = (schedule: Schedule, replace: boolean): Effect.Effect<Schedule, ScheduleExists | StoreUnavailable> =>
    Effect.suspend((): Effect.Effect<Schedule, ScheduleExists | StoreUnavailable> => {
      const { id } = schedule
      const known = this.#entries.get(id)
      if (known !== undefined && isSameDefinition(known.schedule, schedule)) {
        known.schedule = { ...known.schedule, version: schedule.version }
        this.#changed(known)
        return Effect.succeed(known.schedule)
      }
      if (known !== undefined && !replace) return Effect.fail(new ScheduleExists(id))
      if (known === undefined && this.#entries.size >= MAX_SCHEDULES) {
        return Effect.fail(new StoreUnavailable(`No new schedule is accepted: the Store has ${MAX_SCHEDULES}`))
      }
      this.#recorder?.put("schedule", id, schedule)
      // Unfinished runs of the replaced schedule count as runs of the new one.
      const entry: Entry = known ?? { schedule, unfinished: 0, byVersion: new Map() }
      entry.schedule = schedule
      this.#entries.set(id, entry)
      this.#changed(entry)
      return Effect.succeed(schedule)
    })

  get = (id: string): Effect.Effect<Schedule, ScheduleNotFound> =>
    Effect.map(this.#find(id), ({ schedule }) => schedule)

  list: Effect.Effect<ReadonlyArray<Schedule>> = Effect.sync(() =>
    Array.from(this.#entries.values(), ({ schedule }) => schedule).sort((left, right) => (left.id < right.id ? -1 : 1))
  )

  remove = (id: string): Effect.Effect<void, ScheduleNotFound> =>
    Effect.map(this.#find(id), () => {
      this.#entries.delete(id)
      this.#recorder?.put("schedule", id, undefined)
    })

  pause = (id: string): Effect.Effect<Schedule, ScheduleNotFound> =>
    Effect.map(this.#find(id), (entry) => {
      entry.schedule = { ...entry.schedule, paused: true }
      this.#recorder?.put("schedule", id, entry.schedule)
      return entry.schedule
    })

  resume = (id: string, nextAtMillis: number): Effect.Effect<Schedule, ScheduleNotFound> =>
    Effect.map(this.#find(id), (entry) => {
      if (entry.schedule.paused) {
        entry.schedule = { ...entry.schedule, paused: false, nextAtMillis }
        this.#changed(entry)
      }
      return entry.schedule
    })

  due = (takesAfter: TakesAfter): Effect.Effect<ReadonlyArray<DueSchedule>> =>
    Effect.suspend(() => {
      const { due, inMillis } = this.#findDue(takesAfter)
      if (due.length > 0) return Effect.succeed(due)
      const changed = this.#changedSince(this.#changes)
      const waiting = inMillis === undefined ? changed : Effect.raceFirst(Effect.sleep(inMillis), changed)
      return Effect.andThen(waiting, this.due(takesAfter))
    })

  fire = ({ schedule, version, runs, dropped, nextAtMillis }: Firing): Effect.Effect<boolean, StoreUnavailable> =>
    Effect.suspend(() => {
      const entry = this.#entries.get(schedule.id)
      if (entry === undefined || entry.schedule.paused || !isUnchanged(entry.schedule, schedule))
        return Effect.succeed(false)
      const kept = entry.schedule
      let last: MemoryRun | undefined
      let fired = 0
      for (const run of runs) {
        const mayOverlap = kept.overlap !== "skip" || !this.#isUnderWay(entry, Version.key(run.pipelineId, run.version))
        const started = mayOverlap && entry.unfinished < MAX_UNFINISHED ? this.#submit(run) : undefined
        if (started === undefined) continue
        last = started
        fired++
        if (!started.isOver) count(entry, started)
      }
      entry.schedule = {
        ...kept,
        version,
        nextAtMillis,
        fired: kept.fired + fired,
        skipped: kept.skipped + dropped + runs.length - fired,
        ...(last && { lastAtMillis: last.submission.schedule!.tickMillis, lastRunId: last.submission.id })
      }
      this.#changed(entry)
      this.#flush()
      return Effect.succeed(true)
    })

  /** Continues with a schedule of an earlier Store. */
  restore(schedule: Schedule): void {
    this.#entries.set(schedule.id, { schedule, unfinished: 0, byVersion: new Map() })
  }

  /** Continues with an unfinished run of an earlier Store. */
  restoreRun(run: MemoryRun): void {
    const { schedule } = run.submission
    const entry = schedule && this.#entries.get(schedule.id)
    if (entry !== undefined) count(entry, run)
  }

  /** Schedules that no server has fired in time; at most `MAX_NAMED`. */
  get overdue(): ReadonlyArray<Overdue> {
    const now = this.#clock.look()
    const wall = this.#clock.wallMillis
    const overdue: Array<Overdue> = []
    for (const { schedule } of this.#entries.values()) {
      const nowMillis = schedule.timing.cron === undefined ? now : wall
      if (schedule.paused || schedule.nextAtMillis + OVERDUE_MILLIS >= nowMillis) continue
      overdue.push({ id: schedule.id, pipelineId: schedule.pipelineId })
      if (overdue.length === MAX_NAMED) break
    }
    return overdue
  }

  /** Whether an unfinished run forbids a run of this version. Runs of another version that no worker has do not. */
  #isUnderWay({ byVersion }: Entry, version: string): boolean {
    for (const other of byVersion.keys()) if (other === version || !this.#presence.isAbandoned(other)) return true
    return false
  }

  #find(id: string): Effect.Effect<Entry, ScheduleNotFound> {
    return Effect.suspend(() => {
      const found = this.#entries.get(id)
      return found === undefined ? Effect.fail(new ScheduleNotFound(id)) : Effect.succeed(found)
    })
  }

  #changedSince(changes: number): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const wake = (): void => resume(Effect.void)
      if (changes !== this.#changes) return wake()
      this.#waiters.add(wake)
      return Effect.sync(() => this.#waiters.delete(wake))
    })
  }

  #changed({ schedule }: Entry): void {
    this.#recorder?.put("schedule", schedule.id, schedule)
    this.#changes++
    const waiting = [...this.#waiters]
    this.#waiters.clear()
    for (const wake of waiting) wake()
  }

  /** The due schedules; if none is due, in how many milliseconds to check again, undefined: when a schedule changes. */
  #findDue(takesAfter: TakesAfter): {
    readonly due: ReadonlyArray<DueSchedule>
    readonly inMillis: number | undefined
  } {
    const now = this.#clock.look()
    // Cron schedules follow the wall clock, even when it was set back.
    const wall = this.#clock.wallMillis
    const due: Array<DueSchedule> = []
    let inMillis = Number.POSITIVE_INFINITY
    for (const { schedule } of this.#entries.values()) {
      const after = schedule.paused ? undefined : takesAfter(schedule)
      if (after === undefined) continue
      const nowMillis = schedule.timing.cron === undefined ? now : wall
      const left = schedule.nextAtMillis + after - nowMillis
      if (left <= 0) due.push({ schedule, nowMillis })
      else if (left < inMillis) inMillis = left
    }
    const most = this.#clock.isAhead ? RECHECK_MILLIS : CHECK_MILLIS
    return {
      due: due.length === 0 ? due : firstOf(due),
      inMillis: inMillis === Number.POSITIVE_INFINITY ? undefined : Math.min(inMillis, most)
    }
  }
}

/** The schedules that have been due longest, as many as a server gets at once. */
const firstOf = (due: Array<DueSchedule>): ReadonlyArray<DueSchedule> => {
  due.sort((left, right) => left.schedule.nextAtMillis - right.schedule.nextAtMillis)
  let bytes = 0
  let count = 0
  while (count < Math.min(due.length, MAX_DUE)) {
    bytes += bytesOf(due[count]!.schedule)
    if (count > 0 && bytes > MAX_DUE_BYTES) break
    count++
  }
  return due.slice(0, count)
}

/** Counts an unfinished run of a schedule, until it ends. */
const count = (entry: Entry, run: MemoryRun): void => {
  const { key } = run.queue
  entry.unfinished++
  entry.byVersion.set(key, (entry.byVersion.get(key) ?? 0) + 1)
  run.onEnd.push(() => {
    entry.unfinished--
    const left = entry.byVersion.get(key)! - 1
    if (left === 0) entry.byVersion.delete(key)
    else entry.byVersion.set(key, left)
  })
}

/** Whether two schedules were made from the same definition. */
const isSameDefinition = (one: Schedule, other: Schedule): boolean => definitionOf(one) === definitionOf(other)

/** Whether a schedule has neither fired nor changed since it was read. */
const isUnchanged = (now: Schedule, read: Schedule): boolean =>
  now.nextAtMillis === read.nextAtMillis && now.createdAtMillis === read.createdAtMillis && isSameDefinition(now, read)

const definitionOf = ({ pipelineId, timing, parameters, catchUp, overlap, priority, graceMillis }: Schedule): string =>
  JSON.stringify([pipelineId, timing, parameters, catchUp, overlap, priority, graceMillis])
