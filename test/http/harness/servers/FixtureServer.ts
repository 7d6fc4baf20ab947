/** Common to all servers under test: they serve the fixtures, print their URLs, and end on a signal. */
import { Access, Levada } from "../../../../adapters/promise/index.ts"
import { RedisStore } from "../../../../adapters/redis/index.ts"
import { SqliteStore } from "../../../../adapters/sqlite/index.ts"
import { type Choice, choices } from "../../../fixtures/access.ts"
import { pipelines } from "../../../fixtures/pipelines.ts"
import { tasks } from "../../../fixtures/tasks.ts"

/** Where a server under test listens. */
export const ADDRESS = { host: "127.0.0.1", port: 0 } as const

/**
 * A Levada with every fixture. Environment: `GRACE_MILLIS` is the worker's grace period; with `STORE_URL` its Store is
 * on Redis, under the prefix
 * `STORE_PREFIX`; with `STORE_FILE` it is in SQLite.
 */
export const fixtureLevada = (basePath?: string, choice?: Choice): Levada.Levada => {
  const { GRACE_MILLIS: graceMillis, STORE_URL: url, STORE_PREFIX: prefix, STORE_FILE: file } = process.env
  return Levada.make({
    pipelines,
    tasks,
    ...(choice === undefined ? { access: Access.open } : choices[choice]()),
    ...(basePath !== undefined && { basePath }),
    ...(url !== undefined && { store: RedisStore.layer({ url, prefix: `${prefix}-${choice}` }) }),
    ...(file !== undefined && { store: SqliteStore.layer({ file }) }),
    ...(graceMillis !== undefined && { worker: { graceMillis: Number(graceMillis) } })
  })
}

interface Serving {
  readonly url: string
  readonly close: () => Promise<void>
}

/** Serves one Levada with open access, or one for each access configuration in the environment's `ACCESS`. */
export const serve = async (
  serveOne: (levada: Levada.Levada, where: typeof ADDRESS) => Promise<Serving>
): Promise<void> => {
  const named = process.env["ACCESS"]
  const made =
    named === undefined
      ? [fixtureLevada()]
      : named.split(",").map((choice) => fixtureLevada(undefined, choice as Choice))
  await Promise.all(made.map(({ ready }) => ready))
  announce(...(await Promise.all(made.map((levada) => serveOne(levada, ADDRESS)))))
}

/** Prints the URLs, closes on SIGTERM, and never outlives the test that started it. */
export const announce = (...servings: ReadonlyArray<Serving>): void => {
  process.on("SIGTERM", () => {
    Promise.all(servings.map(({ close }) => close())).then(
      () => process.exit(0),
      (error) => {
        console.error(error)
        process.exit(1)
      }
    )
  })
  process.stdin.on("end", () => process.exit(2))
  process.stdin.resume()
  for (const { url } of servings) console.log(url)
}
