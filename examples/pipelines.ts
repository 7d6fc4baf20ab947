/** Shared by the example servers and workers: the pipelines, and the Store of their runs. */
import type { Levada } from "../adapters/promise/index.ts"
import { RedisStore } from "../adapters/redis/index.ts"
import { audioAnalysis } from "./audio/pipeline.ts"
import { wordCount } from "./promise-style.ts"
import { myPipeline } from "./quickstart.ts"

export const pipelines = [myPipeline, wordCount, audioAnalysis] as const

const url = process.env["REDIS_URL"]

/** On the Redis that `REDIS_URL` names, or in the memory of this process. */
export const store = url === undefined ? {} : { store: RedisStore.layer({ url }) }

/**
 * Ends the program in an orderly way on SIGINT or SIGTERM: `close` lets running steps finish and answers waiting
 * clients. A second SIGTERM changes nothing, because process managers may send several; a second Ctrl+C ends the
 * program immediately.
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
  // `npm start` has ended without a signal.
  process.on("disconnect", () => stop("SIGTERM"))
}

/** Waits until the Store is ready; ends the program with the reason if it fails. */
export const untilReady = (levada: Levada.Levada): Promise<void> =>
  levada.ready.catch((error: Error) => {
    console.error(`Cannot start: ${error.message}`)
    process.exit(1)
  })
