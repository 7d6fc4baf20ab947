/** Shared by the example servers: the address, the printed commands, and a line for each run that ends. */
import { Progress } from "../adapters/progress/index.ts"
import { Access, Event, Levada } from "../adapters/promise/index.ts"
import { Settings } from "../adapters/settings/index.ts"
import { pipelines, store, untilReady, untilStopped } from "./pipelines.ts"
import { tracing } from "./tracing.ts"

/** Where a server listens. */
export interface At {
  readonly host: string
  readonly port: number
}

/** A server binding. */
export type Serve = (
  levada: Levada.Levada,
  at: At
) => Promise<{ readonly url: string; readonly close: () => Promise<void> }>

/** A server that only this machine can reach may be open; for others the environment has to say who gets in. */
const isLocal = (host: string): boolean => ["127.0.0.1", "localhost", "::1"].includes(host)

/**
 * Serves the example pipelines at `HOST` and `PORT` (127.0.0.1:8000) until SIGINT or SIGTERM, with access by the
 * settings
 * `LEVADA_…`. With `WORK=no` it runs no steps itself: workers on the same Redis do.
 */
export const main = async (serve: Serve): Promise<void> => {
  const at = { host: process.env["HOST"] ?? "127.0.0.1", port: portOf(process.env["PORT"] ?? "8000") }
  const worker = process.env["WORK"] === "no" ? ({ worker: false } as const) : {}
  const settings = await Settings.read(process.env, isLocal(at.host) ? Access.open : undefined).catch((error: Error) =>
    stop(`Cannot start: ${error.message}`)
  )
  const levada = Levada.make({ pipelines, ...store, ...settings, ...tracing, ...worker })
  const serving = await serve(levada, at).catch((error: unknown) => stop(listenProblem(error, at)))
  untilStopped(serving.close)
  await untilReady(levada)
  console.log(`${welcome(serving.url)}\n${whereKept()}\n`)
  await tell(levada).catch((error: Error) => console.error(`No more runs are told of: ${error.message}`))
}

/** Prints a line for each run that ends, whichever process ran it. */
const tell = async (levada: Levada.Levada): Promise<void> => {
  for await (const { event } of levada.feed()) {
    if (event === undefined || !Event.isTerminal(event)) continue
    // It may have been removed already.
    const run = await levada.run(event.runId).catch(() => undefined)
    if (run !== undefined) console.log(Progress.summary(run))
  }
}

/** Where runs are kept, for people. */
const whereKept = (): string => {
  const setting = process.env["LEVADA_STORE"] ?? (process.env["REDIS_URL"] === undefined ? "memory" : "redis:")
  if (setting === "memory" || setting === "sqlite::memory:")
    return "Runs are kept in memory: they end with this program."
  if (setting.startsWith("sqlite:")) {
    return `Runs are kept in the file ${setting.slice("sqlite:".length)}: after a restart they go on. LEVADA_STORE=memory keeps them in memory.`
  }
  return "Runs are kept on Redis."
}

const stop = (message: string): never => {
  console.error(message)
  process.exit(1)
}

const portOf = (text: string): number => {
  const port = Number(text)
  return /^\d+$/.test(text) && port <= 65_535
    ? port
    : stop(`Cannot listen: PORT has to be 0 to 65535, received '${text}'`)
}

const listenProblem = (error: unknown, { host, port }: At): string => {
  const { code, name, message } = error as { readonly code?: string; readonly name?: string; readonly message?: string }
  return code === "EADDRINUSE" || name === "AddrInUse"
    ? `Cannot listen: port ${port} of ${host} is taken. Stop what runs there, or choose another: PORT=${port + 1} npm start`
    : `Cannot listen on ${host}:${port}: ${message ?? String(error)}`
}

const welcome = (url: string): string => `Levada is listening on ${url}

Try:
  ${url}/dashboard in a browser, ${url}/docs for the API
  curl ${url}/pipelines
  curl -X POST ${url}/pipelines/my_pipeline/execute -H "Content-Type: application/json" -d '{"parameters": {"data": "input_value"}, "wait": true}'
  curl -X POST ${url}/pipelines/audio_analysis/execute -H "Content-Type: application/json" -d '{"parameters": {"file": "melody.wav"}, "wait": true}'
`
