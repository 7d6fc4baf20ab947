/** What every server under test does: offer the fixtures, say where it listens, and end when it is told to. */
import { Access, Levada } from "../../../adapters/promise/index.ts"
import { RedisStore } from "../../../adapters/redis/index.ts"
import { pipelines } from "../../fixtures/pipelines.ts"
import { tasks } from "../../fixtures/tasks.ts"
import { access } from "./Secured.ts"

/** Where a server under test listens. */
export const WHERE = { host: "127.0.0.1", port: 0 } as const

/**
 * A Levada with every fixture. The environment's `GRACE_MILLIS` is the worker's grace period; with `SECURED` it is not
 * open, `PROXIES` are trusted, `CORS` origins may read, and runs are on the Redis of `STORE_URL`.
 */
export const make = (basePath?: string): Levada.Levada => {
  const graceMillis = process.env["GRACE_MILLIS"]
  const { SECURED, PROXIES, FORWARDED, CORS, STORE_URL } = process.env
  return Levada.make({
    pipelines,
    tasks,
    access: SECURED === undefined ? Access.open : access(),
    ...(PROXIES !== undefined && { trustedProxies: PROXIES.split(",") }),
    ...(FORWARDED !== undefined && { forwardedHeader: "forwarded" as const }),
    ...(CORS !== undefined && { cors: { origins: CORS.split(",") } }),
    ...(STORE_URL !== undefined && { store: RedisStore.layer({ url: STORE_URL, prefix: `secured-${process.pid}` }) }),
    ...(basePath !== undefined && { basePath }),
    ...(graceMillis !== undefined && { worker: { graceMillis: Number(graceMillis) } })
  })
}

/** Prints the URL, closes on SIGTERM, and never outlives the test that started it. */
export const announce = ({ url, close }: { readonly url: string; readonly close: () => Promise<void> }): void => {
  process.on("SIGTERM", () => {
    close().then(
      () => process.exit(0),
      (error) => {
        console.error(error)
        process.exit(1)
      }
    )
  })
  process.stdin.on("end", () => process.exit(2))
  process.stdin.resume()
  console.log(url)
}
