/**
 * BullMQ's flows. A job has at most one parent, so the jobs of a diamond and of a fan are added by the first one, when it has run.
 */
import { type FlowJob, FlowProducer, Queue, Worker } from "bullmq"
import { add, LENGTH, type Shape, WIDTH } from "../shapes.ts"
import { Ends, type Start } from "./contract.ts"

const QUEUE = "bench"

interface Data {
  readonly run?: string
  readonly n?: number
}

const links = (run: string, left: number): FlowJob => ({
  name: left === LENGTH ? "last" : "link",
  queueName: QUEUE,
  data: left === 1 ? { n: 1 } : { run },
  ...(left > 1 && { children: [links(run, left - 1)] })
})

export const start: Start = async ({ url }, atOnce) => {
  const { hostname: host, port } = new URL(url)
  const connection = { host, port: Number(port), maxRetriesPerRequest: null }
  const queue = new Queue(QUEUE, { connection })
  const flows = new FlowProducer({ connection })
  const ends = new Ends()
  const worker = new Worker<Data, number>(
    QUEUE,
    async (job) => {
      const { n, run } = job.data
      if (n === undefined) return add(Object.values(await job.getChildrenValues<number>()))
      const output = add([n])
      if (job.name === "diamond" || job.name === "fan") {
        const names = job.name === "diamond" ? ["b", "c"] : Array.from({ length: WIDTH }, (_, at) => `s${at}`)
        await flows.add({
          name: "last",
          queueName: QUEUE,
          data: { run },
          children: names.map((name) => ({ name, queueName: QUEUE, data: { n: output } }))
        })
      }
      return output
    },
    // A job that ends brings the next one along. With as many places as runs no job would wait, and each would be fetched alone.
    { connection, concurrency: atOnce / 4 }
  )
  worker.on("completed", ({ name, data }, output) => {
    if (name === "flat" || name === "last") ends.ended(data.run!, output)
  })
  worker.on("failed", (_, error) => console.error(error))
  await worker.waitUntilReady()
  let runs = 0
  const submit = (shape: Shape, ids: ReadonlyArray<string>): Promise<unknown> =>
    shape === "chain"
      ? flows.addBulk(ids.map((run) => links(run, LENGTH)))
      : queue.addBulk(ids.map((run) => ({ name: shape, data: { run, n: 1 } })))
  return {
    run: (shape, count) => {
      const ids = Array.from({ length: count }, () => String(runs++))
      const ended = ids.map((id) => ends.wait(id))
      void submit(shape, ids)
      return ended
    },
    stop: () => Promise.all([worker.close(true), flows.close(), queue.close()])
  }
}
