/** A Store on Redis. Any number of processes share it, and its data outlives them. */

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as ItemList from "../../core/run/ItemList.ts"
import type { NewRun } from "../../core/run/NewRun.ts"
import { newId } from "../../core/run/RunId.ts"
import * as Feed from "../../core/store/Feed.ts"
import * as Store from "../../core/store/Store.ts"
import * as StoreBounds from "../../core/store/StoreBounds.ts"
import {
  IdempotencyConflict,
  InvalidOption,
  RunNotFound,
  RunUnfinished,
  StoreUnavailable,
  UnknownStep
} from "../../core/values/Errors.ts"
import * as OptionCheck from "../../core/values/OptionCheck.ts"
import * as Connection from "./connection/Connection.ts"
import { Notifications } from "./connection/Notifications.ts"
import { type Argument, attempt, Scripts, toUnavailable } from "./connection/Scripts.ts"
import { KEY } from "./lua/Codes.ts"
import { type BlobStore, Blobs } from "./runs/Blobs.ts"
import { RedisFeed } from "./runs/RedisFeed.ts"
import * as RedisItems from "./runs/RedisItems.ts"
import { RedisRuns } from "./runs/RedisRuns.ts"
import { RunReader } from "./runs/RunReader.ts"
import { RedisAcls } from "./tables/RedisAcls.ts"
import { RedisAuditLog } from "./tables/RedisAuditLog.ts"
import { RedisDefinitions } from "./tables/RedisDefinitions.ts"
import { RedisRateLimiter } from "./tables/RedisRateLimiter.ts"
import { RedisSchedules } from "./tables/RedisSchedules.ts"
import { RedisTokens } from "./tables/RedisTokens.ts"
import * as Tables from "./tables/Tables.ts"
import { DueTicker } from "./upkeep/DueTicker.ts"
import { Mender } from "./upkeep/Mender.ts"
import { Upkeep } from "./upkeep/Upkeep.ts"
import { ClaimValues } from "./work/ClaimValues.ts"
import { LeaseRenewal } from "./work/LeaseRenewal.ts"
import * as RedisLoad from "./work/RedisLoad.ts"
import { RedisWork } from "./work/RedisWork.ts"
import * as RedisWorkers from "./work/RedisWorkers.ts"
import { Submissions } from "./work/Submissions.ts"
import { WorkerPresence } from "./work/WorkerPresence.ts"

/** Where Redis is, and the bounds of the Store. All processes that share a Store need the same bounds. */
export interface Options extends Connection.Options, StoreBounds.StoreBounds {
  /** Prefix of all keys. Stores with different prefixes on one server share nothing. Default: `levada`. */
  readonly prefix?: string
  /** A blob store for large values. Default: all values are kept in Redis. */
  readonly blobs?: BlobStore
  /**
   * How long a task may block its thread before its worker counts as lost, in milliseconds. Until then another thread renews
   * the leases. Default: 600,000. Works only with `url` and a `redis` of plain data without Sentinels; otherwise the worker
   * counts as lost when the lease ends.
   */
  readonly blockedMillis?: number
}

/** The format of the data. A process refuses data of another format. */
const FORMAT = "3"

/** Default of `maxUnfinished`. Higher than in memory, because these runs use no memory of the processes. */
const MAX_UNFINISHED = 1_000_000

/** Default of `blockedMillis`. */
const BLOCKED_MILLIS = 600_000

type Bounds = Required<StoreBounds.StoreBounds>

const invalid = (options: Options): InvalidOption | undefined =>
  Connection.invalid(options) ??
  wrongPrefix(options.prefix) ??
  StoreBounds.invalid(options) ??
  OptionCheck.millis("store.blockedMillis", options.blockedMillis) ??
  (options.blobs === undefined ? undefined : wrongBlobs(options.blobs))

const wrongPrefix = (prefix: unknown): InvalidOption | undefined =>
  prefix === undefined || (typeof prefix === "string" && /^[\w.:-]{1,100}$/.test(prefix))
    ? undefined
    : new InvalidOption("store.prefix", prefix, "1 to 100 letters, digits, '_', '.', ':' or '-'")

const wrongBlobs = (blobs: BlobStore): InvalidOption | undefined =>
  OptionCheck.record("store.blobs", blobs) ??
  OptionCheck.integer("store.blobs.threshold", blobs.threshold, 1) ??
  OptionCheck.required(OptionCheck.callable, "store.blobs.put", blobs.put) ??
  OptionCheck.required(OptionCheck.callable, "store.blobs.get", blobs.get) ??
  OptionCheck.required(OptionCheck.callable, "store.blobs.remove", blobs.remove)

/** Makes a Store on Redis, for as long as the scope is open. */
export const make = (
  options: Options = {}
): Effect.Effect<Store.Store, InvalidOption | StoreUnavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const mistake = invalid(options)
    if (mistake !== undefined) return yield* mistake
    const bounds = StoreBounds.complete({ maxUnfinished: MAX_UNFINISHED, ...options })
    const { client, subscriber } = yield* Connection.open(options, Connection.commandMillis(bounds.leaseMillis))
    const prefix = `{${options.prefix ?? "levada"}}:`
    const scripts = new Scripts(client, prefix)
    yield* sameFormat(scripts)
    const notifications = new Notifications(subscriber, prefix)
    yield* Effect.tryPromise({ try: () => notifications.open(), catch: toUnavailable })
    const random = yield* Random.Random
    const clock = yield* Clock.Clock
    const log = Effect.runForkWith(yield* Effect.context<never>())
    const report = (message: string): void => void log(Effect.logError(`Redis: ${message}`))
    const id = (): string => newId(clock.currentTimeMillisUnsafe(), random)
    const failed = once((reason) => {
      void log(Effect.logDebug(`Redis: leases are not renewed while a task blocks its thread: ${reason}`))
    })
    const isAlone = options.client === undefined && options.nodes === undefined && options.redis?.sentinels == null
    const { leaseMillis } = bounds
    const { blockedMillis = BLOCKED_MILLIS } = options
    const leaseRenewal = isAlone
      ? new LeaseRenewal({ connection: options, prefix, leaseMillis, blockedMillis, failed })
      : undefined
    const store = new RedisStore(
      scripts,
      notifications,
      bounds,
      clock,
      id,
      new Blobs(options.blobs),
      report,
      leaseRenewal
    )
    yield* Effect.acquireRelease(
      Effect.sync(() => store.ticker.start()),
      () => Effect.promise(() => store.close())
    )
    return store
  })

/** A Store on Redis. Fails with `StoreUnavailable` when the server can't be reached, or could lose runs. */
export const layer = (options?: Options): Layer.Layer<Store.Store, InvalidOption | StoreUnavailable> =>
  Layer.effect(Store.Store, make(options))

const sameFormat = (scripts: Scripts): Effect.Effect<void, StoreUnavailable> =>
  Effect.flatMap(
    scripts.ask(async (client, prefix) => {
      await client.hsetnx(`${prefix}${KEY.meta}`, "format", FORMAT)
      return client.hget(`${prefix}${KEY.meta}`, "format")
    }),
    (format) =>
      format === FORMAT
        ? Effect.void
        : Effect.fail(
            new StoreUnavailable(
              `Redis: the data under prefix '${scripts.prefix}' has format ${format}, but this version of Levada needs format ${FORMAT}; use another \`prefix\`, or the version that wrote the data`
            )
          )
  )

/** How many messages `once` remembers. */
const MAX_LOGGED = 1_000

/** Logs each message only once. */
const once = (log: (message: string) => void): ((message: string) => void) => {
  const logged = new Set<string>()
  return (message) => {
    if (logged.has(message)) return
    if (logged.size >= MAX_LOGGED) logged.clear()
    logged.add(message)
    log(message)
  }
}

class RedisStore implements Store.Store {
  readonly leaseMillis: number
  readonly maxValueBytes: number
  readonly isShared = true
  readonly schedules: RedisSchedules
  readonly definitions: RedisDefinitions
  readonly limiter: RedisRateLimiter
  readonly acls: RedisAcls
  readonly tokens: RedisTokens
  readonly audit: RedisAuditLog
  readonly ticker: DueTicker
  readonly #bounds: Bounds
  readonly #scripts: Scripts
  readonly #submissions: Submissions
  readonly #presence: WorkerPresence
  readonly #runs: RedisRuns
  readonly #feed: RedisFeed
  readonly #work: RedisWork
  readonly #leaseRenewal: LeaseRenewal | undefined

  /** `report` logs errors of upkeep and of single units of work; each message once. */
  constructor(
    scripts: Scripts,
    notifications: Notifications,
    bounds: Bounds,
    clock: Clock.Clock,
    id: () => string,
    blobs: Blobs,
    report: (message: string) => void,
    leaseRenewal: LeaseRenewal | undefined
  ) {
    this.#leaseRenewal = leaseRenewal
    this.leaseMillis = bounds.leaseMillis
    this.maxValueBytes = bounds.maxValueBytes
    this.#bounds = bounds
    this.#scripts = scripts
    const presence = new WorkerPresence(scripts, clock)
    this.#presence = presence
    const dueAfter = (millis: string): void => this.ticker.dueAfter(millis)
    this.#submissions = new Submissions(scripts, bounds.maxUnfinished, id, dueAfter, blobs)
    const reportOnce = once(report)
    this.#runs = new RedisRuns(scripts, notifications, bounds.maxValueBytes, blobs, clock)
    // Without a blob store: the mender needs no values, so a lost blob does not stop it.
    const mender = new Mender(scripts, new RunReader(scripts, bounds.maxValueBytes, new Blobs(undefined)), bounds)
    const upkeep = new Upkeep(scripts, bounds, blobs, mender, clock, reportOnce)
    this.ticker = new DueTicker(clock, async () => {
      // The tick does not wait for this ping: it goes over the other connection.
      notifications.ping().catch(() => undefined)
      await presence.refresh()
      return upkeep.tick()
    })
    this.#feed = new RedisFeed(scripts, this.#runs, clock)
    const values = new ClaimValues(scripts, blobs, bounds.maxValueBytes)
    const reportUnit = (unit: string): void => reportOnce(`Can't read a unit of work: ${unit}`)
    this.#work = new RedisWork(
      scripts,
      notifications,
      presence,
      bounds,
      dueAfter,
      blobs,
      values,
      reportUnit,
      leaseRenewal
    )
    this.definitions = new RedisDefinitions(scripts, notifications)
    this.limiter = new RedisRateLimiter(scripts)
    this.acls = new RedisAcls(scripts, notifications)
    this.tokens = new RedisTokens(scripts)
    this.audit = new RedisAuditLog(scripts)
    this.schedules = new RedisSchedules(scripts, notifications, this.#submissions, dueAfter)
  }

  /**
   * Ends all waits, so that each caller gets an answer before the connection closes, and tells Redis that the workers of this
   * process are gone. The workers have released their claims before.
   */
  async close(): Promise<void> {
    this.ticker.stop()
    this.#leaseRenewal?.close()
    await this.#runs.close()
    await this.#presence.close()
  }

  // -- runs ----------------------------------------------------------------------------------------------------------

  submit = (run: NewRun): Effect.Effect<string, IdempotencyConflict | StoreUnavailable> =>
    Effect.flatMap(
      this.#submissions.submit(run),
      ([answer, runId, fingerprint, isThere]): Effect.Effect<string, IdempotencyConflict | StoreUnavailable> => {
        if (answer === "RUN") return Effect.succeed(runId!)
        if (answer === "FULL") {
          const { maxUnfinished } = this.#bounds
          return Effect.fail(
            new StoreUnavailable(
              `No new run is accepted: ${maxUnfinished} runs are unfinished, as many as the Store takes (maxUnfinished)`
            )
          )
        }
        const { pipelineId, idempotency } = run
        const isGone = isThere === 0
        return isGone || fingerprint !== idempotency!.fingerprint
          ? Effect.fail(new IdempotencyConflict(pipelineId, idempotency!.key, runId!, isGone))
          : Effect.succeed(runId!)
      }
    )

  cancel = (runId: string, reason: string): Effect.Effect<void, RunNotFound | StoreUnavailable> =>
    this.#found(runId, "cancel", [runId, JSON.stringify(reason), this.#bounds.historyCount])

  cancelStep = (
    runId: string,
    step: string,
    reason: string
  ): Effect.Effect<void, RunNotFound | UnknownStep | StoreUnavailable> =>
    Effect.flatMap(this.#stepOf(runId, step), (index) =>
      this.#found(runId, "cancelStep", [runId, index, JSON.stringify(reason), this.#bounds.historyCount])
    )

  remove = (runId: string): Effect.Effect<void, RunNotFound | RunUnfinished | StoreUnavailable> =>
    Effect.flatMap(
      this.#scripts.run<number>("remove", [runId]),
      (answer): Effect.Effect<void, RunNotFound | RunUnfinished> => {
        if (answer === 0) return Effect.fail(new RunNotFound(runId))
        return answer === -1 ? Effect.fail(new RunUnfinished(runId, "deleted")) : Effect.void
      }
    )

  pause = (pipelineId: string): Effect.Effect<void, StoreUnavailable> =>
    Effect.asVoid(this.#scripts.ask((client, prefix) => client.sadd(`${prefix}${KEY.paused}`, pipelineId)))

  resume = (pipelineId: string): Effect.Effect<void, StoreUnavailable> =>
    Effect.asVoid(this.#scripts.run("resume", [pipelineId]))

  paused: Effect.Effect<ReadonlySet<string>, StoreUnavailable> = Effect.suspend(() =>
    this.#scripts.ask(() => Tables.members(this.#scripts, KEY.paused))
  )

  get: Store.Store["get"] = (runId) => this.#runs.get(runId)
  pipelineOf: Store.Store["pipelineOf"] = (runId) => this.#runs.pipelineOf(runId)
  outline: Store.Store["outline"] = (runId) => this.#runs.outline(runId)
  value: Store.Store["value"] = (runId, name) => this.#runs.value(runId, name)
  items: Store.Store["items"] = (request) =>
    Effect.flatMap(
      this.#stepOf(request.runId, request.step),
      (index): Effect.Effect<ItemList.ItemList, InvalidOption | StoreUnavailable> => {
        const mistake = ItemList.invalid(request)
        return mistake === undefined
          ? attempt(() => RedisItems.list(this.#scripts, index, request, this.maxValueBytes))
          : Effect.fail(mistake)
      }
    )
  lines: Store.Store["lines"] = (runId) => this.#runs.lines(runId)
  wait: Store.Store["wait"] = (runId) => this.#runs.wait(runId)
  watch: Store.Store["watch"] = (runId, after, isBare) => this.#runs.watch(runId, after, isBare)
  list: Store.Store["list"] = (request) => this.#runs.list(request)
  load: Store.Store["load"] = Effect.suspend(() =>
    this.#scripts.ask(() => RedisLoad.read(this.#scripts, this.#runs.reader))
  )
  workers: Store.Store["workers"] = Effect.suspend(() =>
    this.#scripts.ask(() => RedisWorkers.read(this.#scripts, this.#runs.reader))
  )
  feed: Store.Store["feed"] = (request) => Feed.open(this.#feed, request)

  claim: Store.Store["claim"] = (request) => this.#work.claim(request)
  renew: Store.Store["renew"] = (claims) => this.#work.renew(claims)
  settle: Store.Store["settle"] = (settlements, request) => this.#work.settle(settlements, request)
  note: Store.Store["note"] = (notes) => this.#work.note(notes)
  revoked: Store.Store["revoked"] = (worker) => this.#work.revoked(worker)

  ping: Effect.Effect<void, StoreUnavailable> = Effect.suspend(() =>
    Effect.asVoid(this.#scripts.ask((client) => client.ping()))
  )

  now: Effect.Effect<number, StoreUnavailable> = Effect.suspend(() => attempt(() => this.#scripts.nowMillis()))

  drain: Effect.Effect<void> = Effect.void

  // -- inside --------------------------------------------------------------------------------------------------------

  /** The index of a step in the plan of a run. */
  #stepOf(runId: string, step: string): Effect.Effect<number, RunNotFound | UnknownStep | StoreUnavailable> {
    return Effect.flatMap(this.#runs.about(runId), ({ pipelineId, steps }) => {
      const index = steps.findIndex(({ name }) => name === step)
      if (index !== -1) return Effect.succeed(index)
      const names = steps.map(({ name }) => name)
      return Effect.fail(new UnknownStep(pipelineId, step, names))
    })
  }

  #found(
    runId: string,
    script: "cancel" | "cancelStep",
    args: ReadonlyArray<Argument>
  ): Effect.Effect<void, RunNotFound | StoreUnavailable> {
    return Effect.flatMap(this.#scripts.run<number>(script, args), (answer) =>
      answer === 0 ? Effect.fail(new RunNotFound(runId)) : Effect.void
    )
  }
}
