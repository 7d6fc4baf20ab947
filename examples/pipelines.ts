/** What the example servers and workers share: the pipelines, and where their runs live. */
import type { Levada } from "../adapters/promise/index.ts"
import { RedisStore } from "../adapters/redis/index.ts"
import { audioAnalysis } from "./audio/pipeline.ts"
import { wordCount } from "./promise-style.ts"
import { myPipeline } from "./quickstart.ts"

export const pipelines = [myPipeline, wordCount, audioAnalysis] as const

const url = process.env["REDIS_URL"]

/** On the Redis that `REDIS_URL` names, or else in the memory of this process. */
export const store = url === undefined ? {} : { store: RedisStore.layer({ url }) }

/**
 * Ends the program in an orderly way on SIGINT or SIGTERM: `close` lets what runs finish and answers everyone who waits.
 * SIGTERM again changes nothing, as process managers send it more than once; Ctrl+C again ends at once.
 */
export const untilStopped = (close: () => Promise<void>): void => {
  let closing = false
  const stop = (signal: NodeJS.Signals): void => {
    if (closing && signal === "SIGINT") process.exit(1)
    if (closing) return
    closing = true
    console.log("Closing: what runs may finish; Ctrl+C once more to stop at once")
    void close().then(() => process.exit(0))
  }
  process.on("SIGINT", stop)
  process.on("SIGTERM", stop)
}

/** Waits until the Store can be used; ends the program with the reason when it can't. */
export const untilReady = (levada: Levada.Levada): Promise<void> =>
  levada.ready.catch((error: Error) => {
    console.error(`Cannot start: ${error.message}`)
    process.exit(1)
  })
