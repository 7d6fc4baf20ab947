/** A Levada with something of everything to look at: pipelines, runs of all ages and outcomes, schedules, an audit trail. */
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { ApiKeys, Tokens } from "../../../adapters/keys/index.ts"
import { NodeServer } from "../../../adapters/node/index.ts"
import { Access, Levada, Parameters, type Pipeline, type Schedule, Store } from "../../../adapters/promise/index.ts"
import { RedisStore } from "../../../adapters/redis/index.ts"

export { HOSTILE } from "./DemoPipelines.ts"

import { demoPipelines, GRAPH_SIZES, HOSTILE, HOSTILE_INPUT } from "./DemoPipelines.ts"
import { Pace } from "./Pace.ts"

/** API keys of the secured demo; public, and good for a demo only. */
export const DEMO_KEYS = {
  /** Reads every pipeline. */
  reader: "demo-key-of-the-reader-0001",
  /** Reads and executes `orders`, and sees no other pipeline. */
  executor: "demo-key-of-the-executor-02",
  admin: "demo-key-of-the-admin-00003"
} as const

const secured = (): Access.Access =>
  Access.secured({
    authenticators: [
      ApiKeys.make({
        [DEMO_KEYS.reader]: { role: "reader", id: "ruth", pipelines: ["*"], permissions: ["read"] },
        [DEMO_KEYS.executor]: { role: "executor", id: "emil", pipelines: ["orders"], permissions: ["read", "execute"] },
        [DEMO_KEYS.admin]: { role: "admin", id: "ada", pipelines: ["*"], permissions: ["read", "execute", "admin"] }
      })
    ],
    // Tests and screenshots open many pages in a minute.
    limits: { read: "100000/hour", execute: "10000/hour", admin: "10000/hour" },
    tokens: Tokens.make()
  })

/** What a demo has. */
export interface Options {
  /** Where it listens. Default: a free port of 127.0.0.1. */
  readonly port?: number
  /** Whether callers need one of `DEMO_KEYS`. Default: false. */
  readonly secured?: boolean
  /** How many finished runs of `orders` it begins with, up to three days old. Default: 0. */
  readonly runs?: number
  /** Whether it has runs of all pipelines, schedules, delayed runs and an audit trail beside these. Default: false. */
  readonly scenes?: boolean
  /** Whether runs of `orders`, `slow_import` and others go on for ever. Default: false. */
  readonly busy?: boolean
  /** A Redis to keep all this, and the prefix of its keys. There, all runs are new. Default: in memory. */
  readonly redis?: { readonly url: string; readonly prefix: string } | undefined
  /** Whether this process runs steps. Default: true. */
  readonly worker?: boolean
  /** Pipelines beside those of every demo. */
  readonly pipelines?: (pace: Pace) => ReadonlyArray<Pipeline.Any>
  /** Makes runs while its clock is three days behind. */
  readonly past?: (parts: Parts) => Promise<void>
}

/** A demo that listens. */
export interface Demo {
  readonly url: string
  readonly levada: Levada.Levada
  /** Lets `slow_import` runs with this `gate` go on by so many tenths. */
  readonly open: (gate: string, times?: number) => void
  /** Starts a run of the pipeline of that id; resolves to its id. */
  readonly start: (pipelineId: string, parameters: object, options?: object) => Promise<string>
  readonly close: () => Promise<void>
}

const DAY_MILLIS = 86_400_000
const MAX_AGE_MILLIS = 3 * DAY_MILLIS

/** Older than this, only finished runs are made. */
const SCENES_MILLIS = 600_000

const bounds = {
  historyCount: 50_000,
  historyMillis: 30 * DAY_MILLIS,
  // Between two runs of the past hours go by at once.
  leaseMillis: 15 * 60_000
}

/** Makes a demo; it resolves when all that it begins with is there. */
export const make = async (options: Options = {}): Promise<Demo> => {
  const { port = 0, runs = 0, scenes = false, busy = false, redis, worker = true } = options
  const isOld = (runs > 0 || options.past !== undefined) && redis === undefined
  const pace = new Pace(isOld ? MAX_AGE_MILLIS : 0)
  const pipelines = [...demoPipelines(pace), ...(options.pipelines?.(pace) ?? [])]
  const levada = Levada.make({
    pipelines,
    access: options.secured === true ? secured() : Access.open,
    // The clock comes to the Store and the worker this way. The audit log would print each call.
    telemetry: Layer.merge(Logger.layer([]), pace.clock.layer),
    store:
      redis === undefined
        ? Store.layerMemory({ ...bounds, historyBytes: 1 << 29 })
        : RedisStore.layer({ ...redis, ...bounds, leaseMillis: 15_000 }),
    ...(worker ? {} : { worker: false as const }),
    // The types of a list of any pipelines don't say that their tasks need no services.
    services: Layer.empty as Layer.Layer<unknown>
  })
  await levada.ready
  const byId = new Map(pipelines.map((pipeline) => [pipeline.id as string, pipeline]))
  const start: Demo["start"] = (pipelineId, parameters, startOptions = {}) =>
    levada.start(byId.get(pipelineId) as Pipeline.Any, parameters as never, startOptions as never)
  const parts = { levada, start, pace }
  await options.past?.(parts)
  await fill(parts, runs)
  pace.clock.moveTo(0)
  if (scenes) await addScenes(parts, options.secured === true)
  const serving = await NodeServer.serve(levada, { port, host: "127.0.0.1" })
  const stop = busy ? keepBusy(parts) : () => undefined
  return {
    url: serving.url,
    levada,
    open: (gate, times = 1) => pace.open(gate, times),
    start,
    close: async () => {
      stop()
      await serving.close()
    }
  }
}

/** What makes runs. */
export interface Parts extends Pick<Demo, "levada" | "start"> {
  readonly pace: Pace
}

/** Waits until a run has finished, whatever its end. */
export const ended = async ({ levada }: Pick<Parts, "levada">, runId: string): Promise<void> => {
  for await (const _ of levada.watch(runId)) {
    // The last event ends it.
  }
}

/** A number from 0 to 1 for each index, in no visible order, the same in every demo. */
const spread = (at: number, salt: number): number => {
  const wave = Math.sin(at * 12.9898 + salt * 78.233) * 43_758.5453
  return wave - Math.floor(wave)
}

/** Runs `orders` so often; of a hundred, about nine fail and three are cancelled. They are up to three days old, and most are newer. */
const fill = async (parts: Parts, runs: number): Promise<void> => {
  const { levada, start, pace } = parts
  for (let at = 0; at < runs; at++) {
    pace.clock.moveTo(SCENES_MILLIS + (MAX_AGE_MILLIS - SCENES_MILLIS) * (1 - at / runs) ** 1.5)
    const chance = spread(at, 1)
    const outcome = chance < 0.88 ? "completed" : chance < 0.97 ? "failed" : "cancelled"
    // Most take seconds, some minutes.
    const millis = Math.round(100 + 2_400 * spread(at, 2) + (spread(at, 3) > 0.98 ? 90_000 * spread(at, 4) : 0))
    const day = new Date(Date.UTC(2026, 0, 1 + (at % 365))).toISOString().slice(0, 10)
    const count = Math.floor(spread(at, 5) * 40)
    const runId = await start("orders", { day, count, outcome, millis: pace.clock.behindMillis > 0 ? millis : 0 })
    if (outcome === "cancelled") {
      for await (const event of levada.watch(runId)) {
        if (event.type === "StepCompleted" && event.step === "price") await levada.cancel(runId, "no longer needed")
      }
    } else await ended(parts, runId)
  }
}

/** A run of each pipeline, some not over; schedules, delayed runs, and calls of the API for the audit trail. */
const addScenes = async (parts: Parts, isSecured: boolean): Promise<void> => {
  const { start, levada } = parts
  // The heavy ones first, so that the others take as long as they would alone, and are newer.
  const heavy = [
    ["large_values", { seed: "v" }],
    ["hundred_thousand", { count: 100_000, millis: 0 }],
    ...GRAPH_SIZES.flatMap((steps) =>
      ["chain", "fan", "layers"].map((shape) => [`graph_${shape}_${steps}`, {}] as const)
    ),
    ...Object.values(HOSTILE).map((name) => [name, { [HOSTILE_INPUT]: HOSTILE.markup }] as const)
  ] as const
  for (const [pipelineId, parameters] of heavy) await ended(parts, await start(pipelineId, parameters))
  const over = await Promise.all([
    start("my_pipeline", { data: "input_value" }),
    start("audio_analysis_v1", { path: "melody.wav" }),
    start("kind_map", { count: 60 }),
    start("kind_map_strict", { count: 60 }),
    start("kind_filter", { sizes: [3, 12, 8, 40, 11] }),
    start("kind_reduce", { amounts: [1, 2, 3, 4] }),
    start("kind_branch", { amount: 250 }),
    start("kind_branch", { amount: 20 }),
    start("kind_group", { text: "what a fine day" }),
    start("kind_nested", { url: "https://example.org" }),
    start("kind_chain", { input: [" a ", "b "] }),
    start("flaky_upload", { failures: 2 }),
    start("broken_report", { table: "orders" })
  ])
  await Promise.all(over.map((runId) => ended(parts, runId)))
  await start("slow_import", { rows: 5_000, millis: 0, gate: "demo" })
  await start("flaky_upload", { failures: 0 }, { delayMillis: 3_600_000, priority: 50 })
  await start("orders", { day: "2026-12-24", count: 5, outcome: "completed", millis: 0 }, { delayMillis: 86_400_000 })
  const given = { day: "2026-02-01", count: 7, outcome: "completed", millis: 500 }
  const orders = (id: string, timing: Schedule.Timing) =>
    levada.addSchedule({ id: `orders:${id}`, pipelineId: "orders", timing, given: Parameters.fromValues(given) })
  await orders("nightly", { cron: "30 2 * * *", timeZone: "Europe/Vienna" })
  await orders("often", { everyMillis: 900_000 })
  await orders("paused", { cron: "0 9 * * 1" })
  await levada.pauseSchedule("orders:paused")
  await levada.pause("kind_reduce")
  await addAudit(parts, isSecured)
}

/** Calls that the audit log records: allowed ones, and with secured access denied ones. */
const addAudit = async ({ levada }: Parts, isSecured: boolean): Promise<void> => {
  const ask = (method: string, path: string, key: keyof typeof DEMO_KEYS, body?: object): Promise<Response> =>
    levada.fetch(
      new Request(`http://127.0.0.1${path}`, {
        method,
        headers: { "content-type": "application/json", ...(isSecured && { "x-api-key": DEMO_KEYS[key] }) },
        ...(body !== undefined && { body: JSON.stringify(body) })
      })
    )
  for (let round = 0; round < 5; round++) {
    await ask("GET", "/pipelines", "reader")
    await ask("POST", "/pipelines/my_pipeline/execute", "reader", { parameters: { data: "denied" } })
    await ask("POST", "/pipelines/orders/execute", "executor", {
      parameters: { day: "2026-03-01", count: 3, outcome: "completed", millis: 0 },
      wait: true
    })
    await ask("POST", "/pipelines/kind_filter/pause", "executor")
    await ask("POST", "/pipelines/kind_filter/pause", "admin")
    await ask("POST", "/pipelines/kind_filter/resume", "admin")
  }
}

/** Starts a run every few seconds, until it is told to stop. */
const keepBusy = ({ start }: Parts): (() => void) => {
  let at = 0
  const next = async (): Promise<void> => {
    at++
    const outcome = at % 9 === 0 ? "failed" : "completed"
    const millis = 1_000 + 6_000 * spread(at, 6)
    await start("orders", { day: "2026-06-01", count: at % 40, outcome, millis })
    if (at % 4 === 0) await start("slow_import", { rows: 20_000, millis: 20_000 })
    if (at % 6 === 0) await start("kind_map", { count: 200 })
    if (at % 8 === 0) await start("flaky_upload", { failures: at % 6 })
    if (at % 20 === 0) await start("hundred_thousand", { count: 100_000, millis: 5 })
  }
  const timer = setInterval(() => void next().catch((error: Error) => console.error(error.message)), 2_000)
  return () => clearInterval(timer)
}
