/** A Store on Redis: any number of processes share it, and what is in it outlives them. */

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
import { Blobs, type Place } from "./runs/Blobs.ts"
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
import { Submissions } from "./work/Submissions.ts"
import { WorkerPresence } from "./work/WorkerPresence.ts"

/** Where Redis is, and what is kept there. All processes that share a Store have to be told the same bounds. */
export interface Options extends Connection.Options, StoreBounds.StoreBounds {
  /** In front of all keys; Stores of other names on the same server know nothing of each other. Default: `levada`. */
  readonly prefix?: string
  /** Where values go that are too large to be kept in Redis. Default: they are kept there. */
  readonly blobs?: Place
  /**
   * How long a task may block its thread before its worker counts as lost, in milliseconds: until then another thread renews
   * the leases. Default: 600,000. Only with `url` and a `redis` of plain data without Sentinels; else a lease is as long.
   */
  readonly blockedMillis?: number
}

/** Which keys and scripts belong together: processes of another format do not touch each other's data. */
const FORMAT = "2"

/** How many runs may be unfinished unless it is said: they take no memory of the processes. */
const MAX_UNFINISHED = 1_000_000

/** How long a task may block its thread unless it is said, in milliseconds. */
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

const wrongBlobs = (blobs: Place): InvalidOption | undefined =>
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
    const news = new Notifications(subscriber, prefix)
    yield* Effect.tryPromise({ try: () => news.open(), catch: toUnavailable })
    const random = yield* Random.Random
    const log = Effect.runForkWith(yield* Effect.context<never>())
    const report = (message: string): void => void log(Effect.logError(`Redis: ${message}`))
    const id = (): string => newId(Date.now(), random)
    const failed = once((reason) => {
      void log(Effect.logDebug(`Redis: no lease is renewed while a task blocks its thread: ${reason}`))
    })
    const isAlone = options.client === undefined && options.nodes === undefined && options.redis?.sentinels == null
    const { leaseMillis } = bounds
    const { blockedMillis = BLOCKED_MILLIS } = options
    const renewing = isAlone
      ? new LeaseRenewal({ connection: options, prefix, leaseMillis, blockedMillis, failed })
      : undefined
    const store = new RedisStore(scripts, news, bounds, id, new Blobs(options.blobs), report, renewing)
    yield* Effect.acquireRelease(
      Effect.sync(() => store.ticker.start()),
      () => Effect.promise(() => store.close())
    )
    return store
  })

/** A Store on Redis. Fails with `StoreUnavailable` when the server can't be reached, or runs would not be safe on it. */
export const layer = (options?: Options): Layer.Layer<Store.Store, InvalidOption | StoreUnavailable> =>
  Layer.effect(Store.Store, make(options))

const sameFormat = (scripts: Scripts): Effect.Effect<void, StoreUnavailable> =>
  Effect.flatMap(
    scripts.ask(async (client, prefix) => {
      await client.hsetnx(`${prefix}meta`, "format", FORMAT)
      return client.hget(`${prefix}meta`, "format")
    }),
    (format) =>
      format === FORMAT
        ? Effect.void
        : Effect.fail(
            new StoreUnavailable(
              `Redis: the data of prefix '${scripts.prefix}' is of format ${format}, this version of Levada writes ${FORMAT}; use another \`prefix\`, or the version that wrote it`
            )
          )
  )

/** How many messages are remembered that were said already. */
const MAX_SAID = 1_000

/** Says each thing once. */
const once = (say: (message: string) => void): ((message: string) => void) => {
  const said = new Set<string>()
  return (message) => {
    if (said.has(message)) return
    if (said.size >= MAX_SAID) said.clear()
    said.add(message)
    say(message)
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
  readonly #submitting: Submissions
  readonly #versions: WorkerPresence
  readonly #runs: RedisRuns
  readonly #feed: RedisFeed
  readonly #work: RedisWork
  readonly #renewing: LeaseRenewal | undefined

  /** `report` is told, once each, of what can't be looked at. */
  constructor(
    scripts: Scripts,
    news: Notifications,
    bounds: Bounds,
    id: () => string,
    blobs: Blobs,
    report: (message: string) => void,
    renewing: LeaseRenewal | undefined
  ) {
    this.#renewing = renewing
    this.leaseMillis = bounds.leaseMillis
    this.maxValueBytes = bounds.maxValueBytes
    this.#bounds = bounds
    this.#scripts = scripts
    const versions = new WorkerPresence(scripts)
    this.#versions = versions
    const dueAfter = (millis: string): void => this.ticker.dueAfter(millis)
    this.#submitting = new Submissions(scripts, bounds.maxUnfinished, id, dueAfter, blobs)
    const reportOnce = once(report)
    this.#runs = new RedisRuns(scripts, news, bounds.maxValueBytes, blobs)
    // It needs no values, and one that is kept elsewhere and is lost is not in its way.
    const mender = new Mender(scripts, new RunReader(scripts, bounds.maxValueBytes, new Blobs(undefined)), bounds)
    const upkeep = new Upkeep(scripts, bounds, blobs, mender, reportOnce)
    this.ticker = new DueTicker(async () => {
      // Not waited for: its connection is another one.
      news.ping().catch(() => undefined)
      await versions.refresh()
      return upkeep.tick()
    })
    this.#feed = new RedisFeed(scripts, this.#runs)
    const values = new ClaimValues(scripts, blobs, bounds.maxValueBytes)
    const reportUnit = (unit: string): void => reportOnce(`A unit can't be looked at: ${unit}`)
    this.#work = new RedisWork(scripts, news, versions, bounds, dueAfter, blobs, values, reportUnit, renewing)
    this.definitions = new RedisDefinitions(scripts, news)
    this.limiter = new RedisRateLimiter(scripts)
    this.acls = new RedisAcls(scripts, news)
    this.tokens = new RedisTokens(scripts)
    this.audit = new RedisAuditLog(scripts)
    this.schedules = new RedisSchedules(scripts, news, this.#submitting, dueAfter)
  }

  /**
   * Ends what waits, so that everyone who does is answered before the connection is closed, and says that its workers are
   * gone. What is under way is theirs to give back before.
   */
  async close(): Promise<void> {
    this.ticker.stop()
    this.#renewing?.close()
    await this.#runs.close()
    await this.#versions.close()
  }

  // -- runs ----------------------------------------------------------------------------------------------------------

  submit = (run: NewRun): Effect.Effect<string, IdempotencyConflict | StoreUnavailable> =>
    Effect.flatMap(
      this.#submitting.submit(run),
      ([answer, runId, fingerprint, isThere]): Effect.Effect<string, IdempotencyConflict | StoreUnavailable> => {
        if (answer === "RUN") return Effect.succeed(runId!)
        if (answer === "FULL") {
          const { maxUnfinished } = this.#bounds
          return Effect.fail(new StoreUnavailable(`No new run is taken: ${maxUnfinished} are unfinished`))
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
        return answer === -1 ? Effect.fail(new RunUnfinished(runId, "removed")) : Effect.void
      }
    )

  pause = (pipelineId: string): Effect.Effect<void, StoreUnavailable> =>
    Effect.asVoid(this.#scripts.ask((client, prefix) => client.sadd(`${prefix}paused`, pipelineId)))

  resume = (pipelineId: string): Effect.Effect<void, StoreUnavailable> =>
    Effect.asVoid(this.#scripts.run("resume", [pipelineId]))

  paused: Effect.Effect<ReadonlySet<string>, StoreUnavailable> = Effect.suspend(() =>
    this.#scripts.ask(() => Tables.members(this.#scripts, "paused"))
  )

  get: Store.Store["get"] = (runId) => this.#runs.get(runId)
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
  watch: Store.Store["watch"] = (runId, after) => this.#runs.watch(runId, after)
  list: Store.Store["list"] = (request) => this.#runs.list(request)
  load: Store.Store["load"] = Effect.suspend(() =>
    this.#scripts.ask(() => RedisLoad.look(this.#scripts, this.#runs.reader))
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

  /** The place of a step in the plan of a run. */
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
