/** Shared by a client and a worker of pg-boss. */
import { PgBoss } from "pg-boss"

/** How many jobs a worker fetches at a time. */
export const BATCH = 500

/** A pg-boss with the queue that is measured. */
export const boss = async (url: string): Promise<{ readonly producer: PgBoss; readonly queue: string }> => {
  const producer = new PgBoss({ connectionString: url, schedule: false, supervise: false })
  producer.on("error", console.error)
  await producer.start()
  const queue = "bench"
  await producer.createQueue(queue)
  return { producer, queue }
}
