/**
 * `npm start`: serves the example pipelines on the runtime that `RUNTIME` names; node unless it says otherwise. With
 * `REDIS_URL`, on that Redis, with two workers beside the server.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { join } from "node:path"

/** What runs each server: Elysia where it is at home, and the runtime's own server elsewhere. */
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

/** What was started: the server, and beside it, on Redis, two workers, which leave it nothing to run. */
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
    // One for all: without the server the workers have nothing to do, and without them the server's runs wait.
    if (!isStopping) stop()
  })
}
let isStopping = false
const stop = (): void => {
  isStopping = true
  for (const child of children) child.kill("SIGTERM")
}
// The terminal sends its signals to all; those of anyone else are passed on.
process.on("SIGTERM", stop)
process.on("SIGINT", () => {
  isStopping = true
})

const server = command.at(-1)!
if (process.env["REDIS_URL"] === undefined) start(server)
else {
  start(server, { WORK: "no" })
  start("worker.ts")
  start("worker.ts")
}
