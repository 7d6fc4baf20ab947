/**
 * A worker process: `node bench/redis/worker.ts levada|bullmq|pg-boss <url>`. Reports the number of finished runs to
 * its parent.
 */
import { FlowProducer, Worker } from "bullmq"
import { Access, Levada } from "../../adapters/promise/index.ts"
import { RedisStore } from "../../adapters/redis/index.ts"
import { add, WIDTH } from "../shapes.ts"
import { BATCH, boss } from "./boss.ts"
import { SHAPES } from "./shapes.ts"

const [, , system, url] = process.argv
const CONCURRENCY = 100

/** Reports to the parent, from time to time, the number of finished runs, and when the last first step began. */
let ended = 0
let told = 0
setInterval(() => {
  if (ended > told) process.send!({ ended: ended - told })
  told = ended
}, 2)
const began = (): void => void process.send!({ began: performance.timeOrigin + performance.now() })

if (system === "levada") {
  const levada = Levada.make({
    pipelines: Object.values(SHAPES).map(([pipeline]) => pipeline),
    access: Access.open,
    store: RedisStore.layer({ url: url!, historyCount: 1_000 }),
    worker: { concurrency: CONCURRENCY }
  })
  await levada.ready
} else if (system === "pg-boss") {
  const { producer, queue } = await boss(url!)
  // A loop by hand instead of pg-boss's own workers, which pause between polls: one batch after the other.
  const work = async (): Promise<void> => {
    for (;;) {
      const jobs = await producer.fetch<{ readonly n: number }>(queue, { batchSize: BATCH })
      if (jobs.length === 0) await new Promise((resolve) => setTimeout(resolve, 2))
      else {
        for (const { data } of jobs) add([data.n])
        await producer.complete(
          queue,
          jobs.map(({ id }) => id)
        )
        ended += jobs.length
      }
    }
  }
  void work()
} else {
  const { hostname: host, port } = new URL(url!)
  const connection = { host, port: Number(port), maxRetriesPerRequest: null }
  const flows = new FlowProducer({ connection })
  const keep = { removeOnComplete: 1_000 }
  const queueName = "bench"
  const worker = new Worker(
    queueName,
    async (job) => {
      const n = job.data.n ?? 1
      if (job.data.isTimed) began()
      // A BullMQ job has at most one parent, so a job with several parents or children is added when the first step is
      // done. That takes the fewest jobs.
      if (job.name === "diamond" || job.name === "fan") {
        const names = job.name === "diamond" ? ["b", "c"] : Array.from({ length: WIDTH }, (_, at) => `s${at}`)
        await flows.add({
          name: "join",
          queueName,
          opts: keep,
          children: names.map((name) => ({ name, queueName, data: { n: add([n]) }, opts: keep }))
        })
        return add([n])
      }
      if (job.name === "join" || job.name === "link" || job.name === "last") {
        return add(Object.values(await job.getChildrenValues<number>()))
      }
      return add([n])
    },
    { connection, concurrency: CONCURRENCY }
  )
  worker.on("completed", (job) => {
    if (job.name === "flat" || job.name === "join" || job.name === "last") ended++
  })
  await worker.waitUntilReady()
}
process.send!({ ready: true })
process.on("disconnect", () => process.exit(0))
