/**
 * Levada on Redis compared with BullMQ: the same server with the same durability, the same shapes, in alternating
 * order; and, if Postgres is installed, compared with pg-boss, which has flat jobs only. Then the floor: the scripts
 * alone, without an engine.
 */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { type FlowJob, FlowProducer, Queue } from "bullmq"
import * as Effect from "effect/Effect"
import { Redis } from "ioredis"
import { Access, Levada, Store } from "../adapters/promise/index.ts"
import { RedisStore } from "../adapters/redis/index.ts"
import * as Version from "../core/pipeline/Version.ts"
import { redisProgram, start } from "../test/redis/server.ts"
import { median } from "./compare.ts"
import * as Postgres from "./postgres.ts"
import { boss } from "./redis/boss.ts"
import { SHAPES } from "./redis/shapes.ts"
import { LENGTH, type Shape } from "./shapes.ts"

/** The number of runs of each shape. */
const RUNS: Readonly<Record<Shape, number>> = { flat: 20_000, chain: 2_000, diamond: 5_000, fan: 100 }
const ROUNDS = 3
const LATENCIES = 300

type System = "levada" | "bullmq" | "pg-boss"

const quantile = (values: ReadonlyArray<number>, share: number): number =>
  [...values].sort((one, other) => one - other)[Math.floor(values.length * share)]!

/** How many runs are submitted at the same time. */
const AT_ONCE = 500

/** Submits runs of a shape, all at the same time. */
interface Client {
  readonly submit: (shape: Shape, count: number) => Promise<unknown>
  readonly close: () => Promise<void>
}

const levadaClient = async (url: string): Promise<Client> => {
  const levada = Levada.make({
    pipelines: Object.values(SHAPES).map(([pipeline]) => pipeline),
    access: Access.open,
    store: RedisStore.layer({ url, historyCount: 1_000 }),
    worker: false
  })
  await levada.ready
  return {
    submit: (shape, count) => {
      const [pipeline] = SHAPES[shape]!
      return Promise.all(Array.from({ length: count }, () => levada.start(pipeline, { n: 1 } as never)))
    },
    close: levada.close
  }
}

const bullmqClient = async (url: string): Promise<Client> => {
  const { hostname: host, port } = new URL(url)
  const connection = { host, port: Number(port), maxRetriesPerRequest: null }
  const queueName = "bench"
  const queue = new Queue(queueName, { connection })
  const flows = new FlowProducer({ connection })
  const opts = { removeOnComplete: 1_000 }
  const links = (left: number): FlowJob =>
    left === 1
      ? { name: "first", queueName, data: { n: 1 }, opts }
      : { name: left === LENGTH ? "last" : "link", queueName, opts, children: [links(left - 1)] }
  return {
    submit: (shape, count) =>
      shape === "chain"
        ? flows.addBulk(Array.from({ length: count }, () => links(LENGTH)))
        : queue.addBulk(Array.from({ length: count }, () => ({ name: shape, data: { n: 1 }, opts }))),
    close: async () => {
      await queue.close()
      await flows.close()
    }
  }
}

const bossClient = async (url: string): Promise<Client> => {
  const { producer, queue } = await boss(url)
  await producer.deleteAllJobs(queue)
  return {
    submit: (_, count) =>
      producer.insert(
        queue,
        Array.from({ length: count }, () => ({ data: { n: 1 } }))
      ),
    close: () => producer.stop({ graceful: false })
  }
}

const CLIENTS: Readonly<Record<System, (url: string) => Promise<Client>>> = {
  levada: levadaClient,
  bullmq: bullmqClient,
  "pg-boss": bossClient
}

interface Workers {
  readonly ended: (count: number) => Promise<void>
  readonly stop: () => Promise<void>
}

const startWorkers = async (system: System, url: string, count: number): Promise<Workers> => {
  let ended = 0
  let wanted = Number.POSITIVE_INFINITY
  let done = (): void => undefined
  const children: Array<ChildProcess> = []
  for (let at = 0; at < count; at++) {
    const child = fork(join(import.meta.dirname, "redis/worker.ts"), [system, url], { stdio: "inherit" })
    children.push(child)
    child.on("message", (message: { readonly ended?: number }) => {
      ended += message.ended ?? 0
      if (ended >= wanted) done()
    })
    await new Promise<void>((resolve) => {
      child.on("message", (message: { readonly ready?: boolean }) => message.ready && resolve())
    })
  }
  const redis = system === "levada" ? new Redis(url) : undefined
  return {
    ended: async (runs) => {
      // Levada's counts are read from Redis; the other systems' workers report theirs.
      if (redis !== undefined) while ((await redis.zcard("{levada}:unfinished")) > 0) await pause(2)
      else if (ended < runs)
        await new Promise<void>((resolve) => {
          wanted = runs
          done = resolve
        })
      ended = 0
      wanted = Number.POSITIVE_INFINITY
    },
    stop: async () => {
      redis?.disconnect()
      for (const child of children) {
        child.kill("SIGKILL")
        await once(child, "exit")
      }
    }
  }
}

const pause = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))

const submitAll = async (client: Client, shape: Shape, count: number): Promise<void> => {
  for (let left = count; left > 0; left -= AT_ONCE) await client.submit(shape, Math.min(left, AT_ONCE))
}

/** Runs per second of one shape. */
const measure = async (system: System, url: string, shape: Shape, workers: number): Promise<number> => {
  if (system !== "pg-boss") {
    const redis = new Redis(url)
    await redis.flushall()
    redis.disconnect()
  }
  const client = await CLIENTS[system](url)
  const pool = await startWorkers(system, url, workers)
  const warm = Math.ceil(RUNS[shape] / 10)
  await submitAll(client, shape, warm)
  await pool.ended(warm)
  const began = performance.now()
  await submitAll(client, shape, RUNS[shape])
  await pool.ended(RUNS[shape])
  const millis = performance.now() - began
  await pool.stop()
  await client.close()
  return (RUNS[shape] / millis) * 1_000
}

/** The scripts alone: runs per second with a Store and a list of claims. */
const floor = async (url: string, shape: Shape): Promise<number> => {
  const redis = new Redis(url)
  await redis.flushall()
  redis.disconnect()
  const [pipeline] = SHAPES[shape]!
  const versions = new Set([Version.key(pipeline.id, pipeline.version)])
  const { plan, version, id: pipelineId } = pipeline
  const count = RUNS[shape]
  return Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const store = yield* Store.Store
        const request = { worker: "floor", max: 100, versions }
        const outputs = plan.steps.map(({ name }) => ({ [name]: "1" }))
        const began = performance.now()
        const submitting = yield* Effect.forkChild(
          Effect.forEach(
            Array.from({ length: count }),
            () => store.submit({ pipelineId, version, plan, parameters: { n: "1" } }),
            { concurrency: 500, discard: true }
          )
        )
        let left = count * plan.steps.length
        let claims = yield* store.claim(request)
        while (left > 0) {
          left -= claims.length
          const settled = yield* store.settle(
            claims.map((claim) => ({ claim, outcome: { _tag: "Completed", outputs: outputs[claim.index]! } })),
            request
          )
          claims = settled.claims.length > 0 || left === 0 ? settled.claims : yield* store.claim(request)
        }
        const millis = performance.now() - began
        submitting.pollUnsafe()
        return (count / millis) * 1_000
      })
    ).pipe(Effect.provide(RedisStore.layer({ url, historyCount: 1_000 })))
  )
}

/** The delay from submit to the start of the first step, one run at a time, in milliseconds. */
const latencies = async (url: string): Promise<ReadonlyArray<number>> => {
  const levada = Levada.make({
    pipelines: [SHAPES["flat"]![0]],
    access: Access.open,
    store: RedisStore.layer({ url }),
    worker: false
  })
  const pool = await startWorkers("levada", url, 1)
  const found: Array<number> = []
  for (let at = 0; at < LATENCIES; at++) {
    const began = Date.now()
    const runId = await levada.start(SHAPES["flat"]![0], { n: 1 } as never)
    for await (const event of levada.watch(runId)) if (event.type === "StepStarted") found.push(event.atMillis - began)
  }
  await pool.stop()
  await levada.close()
  return found
}

export const redis = async (): Promise<void> => {
  const server = redisProgram()
  if (server === undefined) {
    console.log("Redis: no server on this machine; not measured")
    return
  }
  const { url, stop } = await start(server, ["--appendfsync", "everysec"])
  // With this setting a crash of the machine may lose the last acknowledged writes, as with the setting of Redis.
  const postgres = await Postgres.start({ synchronous_commit: "off", shared_buffers: "512MB", max_wal_size: "4GB" })
  console.log("Levada on Redis against BullMQ (append-only file, written every second; runs per second, medians)")
  if (postgres === undefined) console.log("  no Postgres on this machine: pg-boss is not measured")
  for (const shape of ["flat", "chain", "diamond", "fan"] as const) {
    const systems: ReadonlyArray<System> = [
      "levada",
      "bullmq",
      ...(postgres && shape === "flat" ? (["pg-boss"] as const) : [])
    ]
    for (const workers of [1, 2]) {
      const found = new Map(systems.map((system) => [system, [] as Array<number>]))
      for (let round = 0; round < ROUNDS; round++) {
        for (const system of round % 2 === 0 ? systems : systems.toReversed()) {
          found.get(system)!.push(await measure(system, system === "pg-boss" ? postgres!.url : url, shape, workers))
        }
      }
      const ours = median(found.get("levada")!)
      const theirs = systems.slice(1).map((system) => {
        const rate = median(found.get(system)!)
        return `${system} ${rate.toFixed(0).padStart(6)}: ratio ${(ours / rate).toFixed(1)}`
      })
      const who = `${workers} ${workers === 1 ? "worker " : "workers"}`
      console.log(`  ${shape.padEnd(8)} ${who} levada ${ours.toFixed(0).padStart(6)}, ${theirs.join(", ")}`)
    }
    const alone = median([await floor(url, shape), await floor(url, shape), await floor(url, shape)])
    console.log(`  ${shape.padEnd(8)} scripts alone  ${alone.toFixed(0).padStart(6)}`)
  }
  const waits = await latencies(url)
  console.log(`  submit to first step: p50 ${quantile(waits, 0.5)} ms, p99 ${quantile(waits, 0.99)} ms`)
  await stop()
  await postgres?.stop()
}

if (import.meta.main) await redis()
