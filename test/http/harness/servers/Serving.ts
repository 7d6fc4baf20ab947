/** What every server under test does: offer the fixtures, say where it listens, and end when it is told to. */
import { Access, Levada } from "../../../../adapters/promise/index.ts"
import { RedisStore } from "../../../../adapters/redis/index.ts"
import { type Choice, choices } from "../../../fixtures/access.ts"
import { pipelines } from "../../../fixtures/pipelines.ts"
import { tasks } from "../../../fixtures/tasks.ts"

/** Where a server under test listens. */
export const WHERE = { host: "127.0.0.1", port: 0 } as const

/**
 * A Levada with every fixture. The environment's `GRACE_MILLIS` is the worker's grace period, `STORE_URL` and
 * `STORE_PREFIX` say where on Redis its Store is.
 */
export const make = (basePath?: string, choice?: Choice): Levada.Levada => {
  const { GRACE_MILLIS: graceMillis, STORE_URL: url, STORE_PREFIX: prefix } = process.env
  return Levada.make({
    pipelines,
    tasks,
    ...(choice === undefined ? { access: Access.open } : choices[choice]()),
    ...(basePath !== undefined && { basePath }),
    ...(url !== undefined && { store: RedisStore.layer({ url, prefix: `${prefix}-${choice}` }) }),
    ...(graceMillis !== undefined && { worker: { graceMillis: Number(graceMillis) } })
  })
}

interface Serving {
  readonly url: string
  readonly close: () => Promise<void>
}

/** Serves one Levada, open to everybody, or one for each choice of access that the environment's `ACCESS` names. */
export const serve = async (
  serveOne: (levada: Levada.Levada, where: typeof WHERE) => Promise<Serving>
): Promise<void> => {
  const named = process.env["ACCESS"]
  const made = named === undefined ? [make()] : named.split(",").map((choice) => make(undefined, choice as Choice))
  await Promise.all(made.map(({ ready }) => ready))
  announce(...(await Promise.all(made.map((levada) => serveOne(levada, WHERE)))))
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
