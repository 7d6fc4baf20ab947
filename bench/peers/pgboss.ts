/**
 * pg-boss. A step of a chain sends the next job, with the value. Jobs with several parents need its flows, which pass no values; what
 * has become ready is found by `resolveFlow`, once a second at most by pg-boss itself, here by a loop. Jobs are fetched by a loop too,
 * because a worker of pg-boss waits between polls, and tells nobody when a job has been completed.
 */
import { PgBoss } from "pg-boss"
import { add, LENGTH, type Shape, WIDTH } from "../shapes.ts"
import { Ends, type Start } from "./contract.ts"

const QUEUE = "bench"

/** How many jobs are fetched at a time. */
const BATCH = 500

interface Data {
  readonly run: string
  readonly kind: Shape | "inner"
  readonly n?: number
  readonly left?: number
}

const job = (ref: string, data: Data, dependsOn: ReadonlyArray<string> = []) => ({
  ref,
  name: QUEUE,
  data,
  ...(dependsOn.length > 0 && { dependsOn: [...dependsOn] })
})

/** All jobs of one run; the last one has the shape as its kind. */
const joined = (run: string, shape: Shape, names: ReadonlyArray<string>) => [
  job(`${run}-a`, { run, kind: "inner" }),
  ...names.map((name) => job(`${run}-${name}`, { run, kind: "inner" }, [`${run}-a`])),
  job(
    `${run}-join`,
    { run, kind: shape },
    names.map((name) => `${run}-${name}`)
  )
]

const NAMES = { diamond: ["b", "c"], fan: Array.from({ length: WIDTH }, (_, at) => `s${at}`) }

export const start: Start = async ({ url }) => {
  const boss = new PgBoss({ connectionString: url, schedule: false, supervise: false })
  boss.on("error", console.error)
  await boss.start()
  await boss.createQueue(QUEUE)
  const ends = new Ends()
  let unresolved = 0
  let stopped = false
  const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1))

  const work = async (): Promise<void> => {
    while (!stopped) {
      const jobs = await boss.fetch<Data>(QUEUE, { batchSize: BATCH })
      if (jobs.length === 0) {
        await pause()
        continue
      }
      const outputs = jobs.map(({ data }) => add([data.n ?? 0]))
      const next = jobs.flatMap(({ data }, at) =>
        data.left !== undefined && data.left > 1 ? [{ data: { ...data, n: outputs[at]!, left: data.left - 1 } }] : []
      )
      if (next.length > 0) await boss.insert(QUEUE, next)
      await boss.complete(
        QUEUE,
        jobs.map(({ id }) => id)
      )
      for (const [at, { data }] of jobs.entries()) {
        if (data.kind === "inner" || (data.left ?? 1) > 1) continue
        if (data.n === undefined) unresolved--
        ends.ended(data.run, data.n === undefined ? undefined : outputs[at])
      }
    }
  }
  const resolve = async (): Promise<void> => {
    while (!stopped) {
      if (unresolved > 0) await boss.resolveFlow()
      await pause()
    }
  }
  const loops = [work(), resolve()]

  let runs = 0
  const send = async (shape: Shape, ids: ReadonlyArray<string>): Promise<unknown> => {
    if (shape === "diamond" || shape === "fan") {
      unresolved += ids.length
      return boss.flow(ids.flatMap((run) => joined(run, shape, NAMES[shape])))
    }
    const left = shape === "chain" ? LENGTH : 1
    return boss.insert(
      QUEUE,
      ids.map((run) => ({ data: { run, kind: shape, n: 1, left } satisfies Data }))
    )
  }
  return {
    run: (shape, count) => {
      const ids = Array.from({ length: count }, () => String(runs++))
      const ended = ids.map((id) => ends.wait(id))
      void send(shape, ids)
      return ended
    },
    stop: async () => {
      stopped = true
      await Promise.all(loops)
      await boss.stop({ graceful: false })
    }
  }
}
