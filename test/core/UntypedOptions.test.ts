/**
 * Options as JavaScript callers may pass them. For each entry point, option and kind of value: the option accepts the
 * value, or a typed failure names the option. Never a TypeError, never silence.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { afterAll, describe, expect, it } from "vitest"
import { BunServer } from "../../adapters/bun/index.ts"
import { Client } from "../../adapters/client/index.ts"
import { DenoServer } from "../../adapters/deno/index.ts"
import { ElysiaPlugin } from "../../adapters/elysia/index.ts"
import { JwtAuthenticator } from "../../adapters/jwt/index.ts"
import { ApiKeys } from "../../adapters/keys/index.ts"
import { NodeServer } from "../../adapters/node/index.ts"
import { Access, Levada, type Operations, Pipeline, Step, Store, Task } from "../../adapters/promise/index.ts"
import { RedisStore } from "../../adapters/redis/index.ts"
import { Settings } from "../../adapters/settings/index.ts"
import { Threads } from "../../adapters/threads/index.ts"

// -- values ----------------------------------------------------------------------------------------------------------

class Thing {}

const VALUES: ReadonlyArray<unknown> = [
  undefined,
  null,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  -1,
  0,
  0.5,
  1,
  1e300,
  "",
  "text",
  "5",
  "\ud800",
  true,
  false,
  {},
  { text: 1 },
  [],
  [1],
  [null],
  [undefined],
  () => 1,
  Symbol("s"),
  10n,
  new Date(0),
  new Map(),
  new Thing(),
  Object.create(null)
]

const isNumber = (value: unknown, least: number, most: number): boolean =>
  typeof value === "number" && value >= least && value <= most

/** Values that an option accepts although its type does not, so that no entry of `VALUES` is accepted by accident. */
type Takes = (value: unknown) => boolean

const DECADE = 315_360_000_000
const millis =
  (least = 0): Takes =>
  (value) =>
    isNumber(value, least, DECADE)
const number =
  (least: number, most: number = Number.MAX_VALUE): Takes =>
  (value) =>
    isNumber(value, least, most)
const integer =
  (least: number, most: number = Number.MAX_SAFE_INTEGER): Takes =>
  (value) =>
    isNumber(value, least, most) && Number.isInteger(value)
const flag: Takes = (value) => typeof value === "boolean"
const callable: Takes = (value) => typeof value === "function"
const nothing: Takes = () => false
const record: Takes = (value) => typeof value === "object" && value !== null && !Array.isArray(value)
/** A Map has a `size`. */
const noMap: Takes = (value) => record(value) && !(value instanceof Map)
const empty: Takes = (value) => record(value) && Object.keys(value as object).length === 0
const list: Takes = (value) => Array.isArray(value) && value.length === 0
const text =
  (least = 1): Takes =>
  (value) =>
    typeof value === "string" && value.length >= least && value.isWellFormed()
const optional =
  (takes: Takes): Takes =>
  (value) =>
    value === undefined || takes(value)
const either =
  (...all: ReadonlyArray<Takes>): Takes =>
  (value) =>
    all.some((takes) => takes(value))

// -- doors -----------------------------------------------------------------------------------------------------------

interface Door {
  /** Arguments that the entry point accepts. */
  readonly args: () => ReadonlyArray<unknown>
  readonly open: (...args: ReadonlyArray<never>) => unknown
  /** Per option a predicate of the values it accepts. A key is a path into the arguments, such as `1.limit.max`. */
  readonly options: Readonly<Record<string, Takes>>
}

const S = Schema.String
const N = Schema.Number
const task = Task.make("t", { input: { n: N }, output: { m: N }, run: ({ n }) => ({ m: n }) })
const isLarge = Task.make("large", { input: { n: N }, output: { large: Schema.Boolean }, run: () => ({ large: true }) })
const sum = Task.make("sum", { input: { n: N, m: N }, output: { m: N }, run: ({ n, m }) => ({ m: n + m }) })
const pipeline = Pipeline.make("p", [task])
const authenticator = { scheme: "Test", authenticate: () => undefined }
const grant = { pipelines: ["*"], permissions: ["read"] }

const closing: Array<() => unknown> = []
afterAll(async () => {
  for (const close of closing) await close()
})

const levada = Levada.make({ pipelines: [pipeline], access: Access.open })
closing.push(() => levada.close())
const done = levada.start(pipeline, { n: 1 })

const made = (options: never): unknown => {
  const other = Levada.make(options)
  closing.push(() => other.close())
  return other
}

/** The layer itself fails: nothing is thrown when it is made. */
const laid = (options: never): Promise<unknown> => {
  let layer: Layer.Layer<Operations.Operations, unknown, Store.Store>
  try {
    layer = Levada.layer(options)
  } catch (error) {
    throw new Error("Levada.layer throws", { cause: error })
  }
  return Effect.runPromise(Effect.scoped(Layer.build(Layer.provide(layer, Store.layerMemory()))))
}

const placing = {
  "0": nothing,
  "1": optional(record),
  "1.name": optional(text()),
  "1.inputs": optional(empty),
  "1.inputs.n": text(),
  "1.outputs": optional(empty),
  "1.constants": optional(empty)
}
const { "1": _, ...placed } = placing

const served: Record<string, Takes> = {
  "0": nothing,
  "1": nothing,
  "1.port": nothing,
  "1.host": nothing
}

const bounds = {
  leaseMillis: optional(millis(1)),
  maxValueBytes: optional(integer(1)),
  maxUnfinished: optional(integer(1)),
  maxLosses: optional(integer(1)),
  historyCount: optional(integer(0)),
  historyMillis: optional(millis()),
  memoCount: optional(integer(0))
}
const under = (prefix: string, options: Readonly<Record<string, Takes>>): Record<string, Takes> =>
  Object.fromEntries(Object.entries(options).map(([name, takes]) => [`${prefix}.${name}`, takes]))

const startOptions = {
  "2": optional(record),
  "2.timeoutMillis": optional(millis(1)),
  "2.onFailure": optional(nothing),
  "2.priority": optional(integer(-100, 100)),
  "2.delayMillis": optional(either(number(0, 1))),
  "2.idempotencyKey": optional(text()),
  "2.targets": optional(nothing),
  "2.given": optional(empty)
}

const DOORS: Readonly<Record<string, Door>> = {
  "Task.make": {
    args: () => [
      "x",
      {
        input: { a: S },
        output: { b: S },
        run: () => ({ b: "" }),
        description: "d",
        version: "1",
        retry: { times: 1 },
        timeoutMillis: 1,
        limit: { key: "k", max: 1 },
        memo: { ttlMillis: 1 }
      }
    ],
    open: Task.make,
    options: {
      "0": text(),
      "1": nothing,
      "1.input": optional(empty),
      "1.input.a": nothing,
      "1.output": optional(empty),
      "1.output.b": nothing,
      "1.run": callable,
      "1.thread": optional(nothing),
      "1.description": optional(text(0)),
      "1.version": optional(text(0)),
      "1.retry": optional(integer(0, 10_000)),
      "1.retry.times": integer(0, 10_000),
      "1.retry.delayMillis": optional(millis()),
      "1.retry.factor": optional(number(1)),
      "1.retry.maxDelayMillis": optional(millis()),
      "1.retry.jitter": optional(number(0, 1)),
      "1.retry.totalMillis": optional(millis()),
      "1.retry.when": optional(callable),
      "1.timeoutMillis": optional(millis(1)),
      "1.limit": optional(nothing),
      "1.limit.key": optional(either(text(0), callable)),
      "1.limit.max": integer(1),
      "1.memo": optional(nothing),
      "1.memo.ttlMillis": millis()
    }
  },
  "Task.make in a thread": {
    args: () => ["x", { thread: "file:///x.ts", version: "1", memo: { ttlMillis: 1 } }],
    open: Task.make,
    options: {
      "1": nothing,
      "1.thread": nothing,
      "1.run": optional(nothing),
      "1.version": text(0),
      "1.memo": optional(nothing)
    }
  },
  "Threads.layer": {
    args: () => [{}],
    open: (options) => Effect.runPromise(Effect.scoped(Layer.build(Threads.layer(options)))),
    options: { "0": optional(noMap), "0.size": optional(integer(1, 1_024)), "0.maxIdle": optional(integer(0, 1_024)) }
  },
  "Step.make": { args: () => [task, { inputs: { n: "k" } }], open: Step.make, options: placing },
  "Step.map": {
    args: () => [task, { over: { n: "ns" }, inputs: { n: "k" } }],
    open: Step.map,
    options: {
      ...placed,
      "1": nothing,
      "1.over": nothing,
      "1.over.n": text(),
      "1.concurrency": optional(integer(1)),
      "1.chunk": optional(integer(1))
    }
  },
  "Step.filter": {
    args: () => [isLarge, { over: { n: "ns" }, output: "kept", inputs: { n: "k" } }],
    open: Step.filter,
    options: {
      ...placed,
      "1": nothing,
      "1.outputs": optional(empty),
      "1.over": nothing,
      "1.output": text(),
      "1.concurrency": optional(integer(1)),
      "1.chunk": optional(integer(1))
    }
  },
  "Step.reduce": {
    args: () => [sum, { over: { n: "ns" }, initial: { m: 0 }, inputs: { n: "k" } }],
    open: Step.reduce,
    options: {
      ...placed,
      "1": nothing,
      "1.over": nothing,
      "1.initial": nothing,
      "1.initial.m": (value) => typeof value === "number",
      "1.chunk": optional(integer(1))
    }
  },
  "Step.branch": {
    args: () => [isLarge, { yes: [task], no: [], inputs: { n: "k" } }],
    open: Step.branch,
    options: { ...placed, "1": nothing, "1.yes": list, "1.yes.0": nothing, "1.no": optional(list) }
  },
  "Step.group": {
    args: () => ["g", [task], { output: "all" }],
    open: Step.group,
    options: { "0": text(), "1": nothing, "1.0": nothing, "2": optional(record), "2.output": optional(text()) }
  },
  "Step.nest": {
    args: () => [pipeline, { inputs: { n: "k" } }],
    open: Step.nest,
    options: {
      "0": nothing,
      "1": optional(record),
      "1.name": optional(text()),
      "1.inputs": optional(empty),
      "1.outputs": optional(empty)
    }
  },
  "Pipeline.make": {
    args: () => ["q", [task], { limit: { runs: 1, steps: 1 } }],
    open: Pipeline.make,
    options: {
      "0": text(),
      "1": nothing,
      "1.0": nothing,
      "2": optional(record),
      "2.timeoutMillis": optional(millis(1)),
      "2.onFailure": optional(nothing),
      "2.limit": optional(record),
      "2.limit.runs": optional(integer(1)),
      "2.limit.steps": optional(integer(1))
    }
  },
  "Pipeline.fromTasks": {
    args: () => ["q", "dataflow", [task], {}],
    open: (...args) => {
      const built = Pipeline.fromTasks(...(args as unknown as Parameters<typeof Pipeline.fromTasks>))
      if (built._tag === "Failure") throw built.failure
    },
    options: { "0": text(), "1": nothing, "2": nothing, "2.0": nothing, "3": optional(record) }
  },
  "Pipeline.chain": {
    args: () => ["q", N, {}],
    open: Pipeline.chain,
    options: {
      "0": text(),
      "1": nothing,
      "2": optional(record),
      "2.timeoutMillis": optional(millis(1)),
      "2.limit": optional(record)
    }
  },
  "chain.call": {
    args: () => [task, {}],
    open: (...args) => (Pipeline.chain("q", N) as { call: (...args: ReadonlyArray<never>) => unknown }).call(...args),
    options: { "0": nothing, "1": optional(empty) }
  },
  "chain.map": {
    args: () => [task, {}, {}],
    open: (...args) =>
      (Pipeline.chain("q", Schema.Array(N)) as { map: (...args: ReadonlyArray<never>) => unknown }).map(...args),
    options: {
      "0": nothing,
      "1": optional(empty),
      "2": optional(record),
      "2.concurrency": optional(integer(1)),
      "2.chunk": optional(integer(1))
    }
  },
  "chain.filter": {
    args: () => [isLarge, {}, {}],
    open: (...args) =>
      (Pipeline.chain("q", Schema.Array(N)) as { filter: (...args: ReadonlyArray<never>) => unknown }).filter(...args),
    options: { "0": nothing, "1": optional(empty), "2": optional(record), "2.chunk": optional(integer(1)) }
  },
  "chain.reduce": {
    args: () => [sum, 0, {}],
    open: (...args) =>
      (Pipeline.chain("q", Schema.Array(N)) as { reduce: (...args: ReadonlyArray<never>) => unknown }).reduce(...args),
    options: { "0": nothing, "1": (value) => typeof value === "number", "2": optional(empty) }
  },
  "chain.group": {
    args: () => [[task]],
    open: (...args) => (Pipeline.chain("q", N) as { group: (...args: ReadonlyArray<never>) => unknown }).group(...args),
    options: { "0": nothing, "0.0": nothing }
  },
  "Levada.make": {
    args: () => [{ pipelines: [pipeline], access: Access.open, cors: { origins: ["*"] } }],
    open: made,
    options: {
      "0": nothing,
      "0.pipelines": list,
      "0.pipelines.0": nothing,
      "0.access": nothing,
      "0.tasks": optional(list),
      "0.schedules": optional(list),
      "0.worker": optional(either(record, (value) => value === false)),
      "0.worker.concurrency": optional(integer(1)),
      "0.worker.graceMillis": optional(millis()),
      "0.overrides": optional(nothing),
      "0.store": optional(nothing),
      "0.services": optional(nothing),
      "0.telemetry": optional(nothing),
      "0.threads": optional(noMap),
      "0.threads.size": optional(integer(1, 1_024)),
      "0.threads.maxIdle": optional(integer(0, 1_024)),
      "0.basePath": optional(text(0)),
      "0.maxBodyBytes": optional(integer(1)),
      "0.maxStreams": optional(integer(0)),
      "0.guardDocs": optional(flag),
      "0.guardMetrics": optional(flag),
      "0.dashboard": optional(flag),
      "0.trustedProxies": optional(list),
      "0.forwardedHeader": optional(nothing),
      "0.cors": optional(nothing),
      "0.cors.origins": nothing,
      "0.cors.credentials": optional((value) => value === false),
      "0.cors.maxAgeSeconds": optional(integer(0, 86_400))
    }
  },
  "Levada.layer": {
    args: () => [{ pipelines: [pipeline], access: Access.open }],
    open: laid,
    options: {
      "0": nothing,
      "0.pipelines": list,
      "0.pipelines.0": nothing,
      "0.access": nothing,
      "0.tasks": optional(list),
      "0.schedules": optional(list),
      "0.overrides": optional(nothing),
      "0.worker": optional(either(record, (value) => value === false)),
      "0.worker.concurrency": optional(integer(1)),
      "0.worker.graceMillis": optional(millis())
    }
  },
  "Store.layerMemory": {
    args: () => [{}],
    open: (options) => Effect.runPromise(Effect.scoped(Layer.build(Store.layerMemory(options)))),
    options: {
      "0": optional(record),
      ...under("0", { ...bounds, historyBytes: optional(integer(0)), memoBytes: optional(integer(0)) })
    }
  },
  "RedisStore.layer": {
    // Valid options find no server there.
    args: () => [
      { url: "redis://127.0.0.1:1", connectMillis: 1, blobs: { put: callable, get: callable, remove: callable } }
    ],
    open: (options) =>
      Effect.runPromise(
        Effect.scoped(Layer.build(RedisStore.layer(options))).pipe(
          Effect.catchTag("StoreUnavailable", () => Effect.void)
        )
      ),
    options: {
      ...under("0", bounds),
      "0.url": optional(nothing),
      "0.nodes": optional(nothing),
      "0.redis": optional(record),
      "0.client": optional(nothing),
      "0.prefix": optional((value) => value === "text" || value === "5"),
      "0.connectMillis": (value) => value === 1,
      "0.allowEviction": optional(flag),
      "0.blobs": optional(nothing),
      "0.blobs.threshold": optional(integer(1)),
      "0.blobs.put": callable,
      "0.blobs.get": callable,
      "0.blobs.remove": callable
    }
  },
  "levada.execute": {
    args: () => [pipeline, { n: 1 }, {}],
    open: (...args) =>
      (levada.execute as (...args: ReadonlyArray<never>) => Promise<unknown>)(...args).catch((error: unknown) => {
        if ((error as { readonly _tag?: string })._tag !== "WaitTimedOut") throw error
      }),
    options: {
      "0": nothing,
      "1": nothing,
      "1.n": (value) => typeof value === "number",
      ...startOptions,
      "2.waitMillis": optional(millis())
    }
  },
  "levada.start": {
    args: () => [pipeline, { n: 1 }, {}],
    open: levada.start,
    options: { "0": nothing, "1": nothing, ...startOptions }
  },
  "levada.result": {
    args: () => [pipeline, undefined, 1_000],
    open: async (...args) => {
      const [given, , waitMillis] = args as ReadonlyArray<unknown>
      const runId = await levada.start(pipeline, { n: 1 })
      await levada.result(pipeline, runId)
      await levada.result(given as never, runId, waitMillis as never)
    },
    options: { "0": nothing, "2": optional(millis()) }
  },
  "levada.runs": {
    args: () => [{}],
    open: levada.runs,
    options: {
      "0": optional(record),
      "0.limit": integer(1, 1_000),
      "0.pipelineId": optional(text()),
      "0.statuses": optional(nothing),
      "0.sinceMillis": optional(number(0)),
      "0.untilMillis": optional(number(0)),
      "0.minDurationMillis": optional(number(0)),
      "0.maxDurationMillis": optional(number(0)),
      "0.failedStep": optional(text()),
      "0.errorText": optional(text()),
      "0.cursor": optional((value) => value === "5")
    }
  },
  "levada.cancel": {
    args: () => [undefined, "enough"],
    open: async (_, reason) => levada.cancel(await done, reason),
    options: { "1": optional((value) => typeof value === "string") }
  },
  "levada.retry": {
    args: () => [undefined, ["t"]],
    open: async (_, from) =>
      levada.retry(await done, from).catch((error: { readonly _tag?: string }) => {
        if (error._tag !== "RunNotRepeatable") throw error
      }),
    options: { "1": optional(list) }
  },
  "levada.statistics": {
    args: () => ["p", 60_000],
    open: levada.statistics,
    options: { "1": optional(number(1, 86_400_000)) }
  },
  "levada.feed": {
    args: () => [{ after: "0" }],
    open: async (request) => {
      const items = levada.feed(request)[Symbol.asyncIterator]()
      const first = items.next()
      let isOver = false
      const end = () => {
        isOver = true
      }
      first.then(end, end)
      // The options read from here on need a running program.
      while (!isOver) await levada.execute(pipeline, { n: 1 })
      await first
      await items.return?.()
    },
    options: {
      "0": optional(record),
      "0.after": optional(nothing),
      "0.isEndless": optional(flag),
      "0.isBare": optional(flag)
    }
  },
  "levada.addSchedule": {
    args: () => [Levada.schedule(pipeline, { id: "s", timing: { everyMillis: 1_000_000_000 }, parameters: { n: 1 } })],
    open: levada.addSchedule,
    options: {
      "0": nothing,
      "0.id": optional(text()),
      "0.given": nothing,
      "0.timing": nothing,
      "0.timing.everyMillis": nothing,
      "0.timing.cron": optional(nothing),
      "0.timing.timeZone": optional(nothing),
      "0.catchUp": optional(nothing),
      "0.overlap": optional(nothing),
      "0.priority": optional(integer(-100, 100)),
      "0.graceMillis": optional(millis())
    }
  },
  "levada.addSchedule with cron": {
    args: () => [
      Levada.schedule(pipeline, { id: "c", timing: { cron: "0 3 * * *", timeZone: "UTC" }, parameters: { n: 1 } })
    ],
    open: levada.addSchedule,
    options: { "0.timing.cron": nothing, "0.timing.timeZone": optional(nothing) }
  },
  "Levada.schedule": {
    args: () => [pipeline, { timing: { everyMillis: 1_000_000 }, parameters: { n: 1 } }],
    open: Levada.schedule,
    options: { "0": nothing, "1": record }
  },
  "Access.secured": {
    args: () => [
      {
        authenticators: [authenticator],
        roles: { r: grant },
        acls: { p: { read: ["r"] } },
        limits: { read: "1/day" },
        limitsByAddress: { read: "1/day" },
        tokens: { make: callable, digest: callable }
      }
    ],
    open: Access.secured,
    options: {
      "0": nothing,
      "0.authenticators": nothing,
      "0.authenticators.0": nothing,
      "0.authenticators.0.scheme": text(),
      "0.authenticators.0.roles": optional(list),
      "0.authenticators.0.authenticate": callable,
      "0.roles": optional(empty),
      "0.roles.r": nothing,
      "0.roles.r.pipelines": list,
      "0.roles.r.permissions": list,
      "0.acls": optional(empty),
      "0.acls.p": empty,
      "0.acls.p.read": optional(list),
      "0.limits": optional(empty),
      "0.limits.read": optional(nothing),
      "0.limitsByAddress": optional(empty),
      "0.limitsByAddress.read": optional(nothing),
      "0.requireHttps": optional(flag),
      "0.tokens": optional(nothing),
      "0.tokens.make": callable,
      "0.tokens.digest": callable
    }
  },
  "ApiKeys.make": {
    args: () => [{ key: { role: "r", ...grant } }],
    open: ApiKeys.make,
    options: {
      "0": nothing,
      "0.key": nothing,
      "0.key.role": text(),
      "0.key.id": optional(text()),
      "0.key.expires": optional(nothing),
      "0.key.pipelines": list,
      "0.key.permissions": list
    }
  },
  "JwtAuthenticator.make": {
    args: () => [{ secret: "x".repeat(64) }],
    open: JwtAuthenticator.make,
    options: {
      "0": nothing,
      "0.secret": nothing,
      "0.publicKey": optional(nothing),
      "0.jwks": optional(nothing),
      "0.algorithms": optional(nothing),
      "0.issuer": optional((value) => typeof value === "string" && value !== ""),
      "0.audience": optional((value) => typeof value === "string" && value !== ""),
      "0.clockToleranceSeconds": optional(number(0, 600)),
      "0.requireExpiry": optional(flag),
      "0.roleClaim": optional(text())
    }
  },
  "Settings.read": {
    args: () => [{ LEVADA_SECURITY_ENABLED: "false" }],
    open: Settings.read,
    options: { "0": nothing, "0.LEVADA_SECURITY_ENABLED": nothing }
  },
  "Client.make": {
    args: () => [{ url: "http://localhost" }],
    open: Client.make,
    options: {
      "0": nothing,
      "0.url": nothing,
      "0.apiKey": optional((value) => typeof value === "string" || typeof value === "function"),
      "0.token": optional((value) => typeof value === "string" || typeof value === "function"),
      "0.retries": optional(integer(0)),
      "0.maxDelayMillis": optional(number(0, Number.POSITIVE_INFINITY)),
      "0.fetch": optional(callable)
    }
  },
  "NodeServer.serve": { args: () => [levada, {}], open: NodeServer.serve, options: served },
  "BunServer.serve": { args: () => [levada, {}], open: BunServer.serve, options: served },
  "DenoServer.serve": { args: () => [levada, {}], open: DenoServer.serve, options: served },
  "ElysiaPlugin.serve": { args: () => [levada, {}], open: ElysiaPlugin.serve, options: served }
}

/** Valid options, but these would listen somewhere, lack a server to listen with, or wait long for Redis. */
const isPassedOver = (name: string, path: string, value: unknown): boolean =>
  (name.endsWith(".serve") && isServed(path, value)) ||
  (name === "RedisStore.layer" && path === "0.connectMillis" && value === undefined)

const isServed = (path: string, value: unknown): boolean =>
  (path === "1" && optional(record)(value)) ||
  (path === "1.port" && optional(integer(0, 65_535))(value)) ||
  (path === "1.host" && optional(text())(value))

// -- the test --------------------------------------------------------------------------------------------------------

/** Copies the arguments with another value at a path. Instances of classes are not copied. */
const withValue = (args: unknown, path: ReadonlyArray<string>, value: unknown): unknown => {
  const [key, ...rest] = path as readonly [string, ...ReadonlyArray<string>]
  const copy: Record<string, unknown> = Array.isArray(args) ? ([...args] as never) : { ...(args as object) }
  copy[key] = rest.length === 0 ? value : withValue(copy[key] ?? {}, rest, value)
  return copy
}

const TAGS = [
  "InvalidOption",
  "InvalidName",
  "ParametersInvalid",
  "EmptyPipeline",
  "InvalidSettings",
  "InvalidCron",
  "UnknownTimeZone"
]

/** What a failure may call an option, if not by its own name. */
const NAMES: Readonly<Record<string, RegExp>> = {
  "levada.statistics 1": /window/,
  "levada.cancel 1": /reason/,
  "levada.retry 1": /from/,
  "levada.addSchedule with cron 0.timing.timeZone": /time ?zone/i,
  "Levada.make 0.schedules": /schedule/,
  "Levada.layer 0.schedules": /schedule/,
  "levada.result 2": /waitMillis/,
  "ApiKeys.make 0": /apiKeys/,
  "ApiKeys.make 0.key": /apiKeys/,
  "JwtAuthenticator.make 0": /jwt/,
  "chain.reduce 1": /initial/
}

const failureOf = async (door: Door, args: ReadonlyArray<unknown>): Promise<unknown> => {
  try {
    await door.open(...(args as ReadonlyArray<never>))
    return undefined
  } catch (error) {
    return error
  }
}

const cases = Object.entries(DOORS).flatMap(([name, door]) =>
  Object.entries(door.options).map(([path, takes]) => ({ name, path, door, takes }))
)

describe("options from JavaScript", () => {
  for (const { name, path, door, takes } of cases) {
    it(`${name}: ${path}`, async () => {
      for (const value of VALUES) {
        if (isPassedOver(name, path, value)) continue
        const failure = (await failureOf(door, withValue(door.args(), path.split("."), value) as never)) as
          | (Error & { readonly _tag?: string; readonly error?: string })
          | undefined
        const shown = `${typeof value} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`
        if (takes(value)) {
          expect([shown, failure?.message]).toEqual([shown, undefined])
          continue
        }
        const tag = failure?._tag ?? failure?.error ?? failure
        expect([shown, tag]).toEqual([
          shown,
          expect.toSatisfy((each) => [...TAGS, "InvalidOptionError"].includes(each))
        ])
        const option = path.split(".").findLast((part) => !/^\d+$/.test(part))
        const expected = NAMES[`${name} ${path}`] ?? (option === undefined ? /./ : new RegExp(option, "i"))
        expect(failure!.message, shown).toMatch(expected)
        expect(failure!.message.length, shown).toBeLessThan(2_000)
      }
    })
  }
})
