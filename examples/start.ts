/**
 * `npm start`: serves the example pipelines on the runtime that `RUNTIME` names; the default is node. Runs are kept in the file
 * `.levada/levada.db`, unless `LEVADA_STORE` says otherwise. With `REDIS_URL`, on that Redis, with two workers beside the server.
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
    stdio: "inherit",
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
if (process.env["REDIS_URL"] === undefined) {
  start(server, { LEVADA_STORE: process.env["LEVADA_STORE"] ?? "sqlite:.levada/levada.db" })
} else {
  start(server, { WORK: "no" })
  start("worker.ts")
  start("worker.ts")
}
