/**
 * `npm start`: serves the example pipelines on the runtime that `RUNTIME` names; the default is node. Runs are kept where
 * `LEVADA_STORE` says; without it on the Redis that `REDIS_URL` names, or in the file `.levada/levada.db`. On Redis two workers
 * run beside the server.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { join } from "node:path"

/** The command for each runtime. */
const RUNTIMES: Readonly<Record<string, readonly [program: string, ...args: ReadonlyArray<string>]>> = {
  node: ["node", "servers/node.ts"],
  bun: ["bun", "servers/elysia.ts"],
  deno: ["deno", "run", "-A", "--unstable-no-legacy-abort", "servers/deno.ts"]
}

const runtime = process.env["RUNTIME"] ?? "node"
const command = Object.hasOwn(RUNTIMES, runtime) ? RUNTIMES[runtime] : undefined
if (command === undefined) {
  console.error(`Cannot start: RUNTIME has to be one of ${Object.keys(RUNTIMES).join(", ")}, received '${runtime}'`)
  process.exit(1)
}

/** The started processes: the server, and on Redis two workers, so that the server runs no steps. */
const children = new Set<ChildProcess>()
const start = (file: string, env: Readonly<Record<string, string>> = {}): void => {
  const [program, ...args] = command
  const child = spawn(program, [...args.slice(0, -1), join(import.meta.dirname, file)], {
    // The channel closes when this process ends, even if it is killed; then its children stop.
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    env: { ...process.env, ...env }
  })
  children.add(child)
  child.on("error", (error) => {
    console.error(`Cannot start ${program}: ${error.message}`)
    process.exit(1)
  })
  child.on("exit", (code, signal) => {
    children.delete(child)
    process.exitCode ||= code ?? (signal === null ? 0 : 1)
    // The end of one ends all: without the server the workers have no work, and without them the server's runs wait.
    if (!isStopping) stop()
  })
}
let isStopping = false
const stop = (): void => {
  isStopping = true
  for (const child of children) child.kill("SIGTERM")
}
// A terminal sends its signals to all processes; signals of other senders are passed on.
process.on("SIGTERM", stop)
process.on("SIGINT", () => {
  isStopping = true
})

const server = command.at(-1)!
const store = process.env["LEVADA_STORE"] ?? process.env["REDIS_URL"] ?? "sqlite:.levada/levada.db"
if (/^rediss?:/.test(store)) {
  const env = { LEVADA_STORE: store, REDIS_URL: store }
  start(server, { ...env, WORK: "no" })
  start("worker.ts", env)
  start("worker.ts", env)
} else start(server, { LEVADA_STORE: store })
