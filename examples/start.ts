/** `npm start`: serves the example pipelines on the runtime that `RUNTIME` names; node unless it says otherwise. */
import { spawn } from "node:child_process"
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
const [program, ...args] = command
const script = join(import.meta.dirname, args.at(-1)!)
const child = spawn(program, [...args.slice(0, -1), script], { stdio: "inherit" })
// The terminal sends its signals to both; those of anyone else are passed on.
process.on("SIGTERM", () => child.kill("SIGTERM"))
process.on("SIGINT", () => undefined)
child.on("error", (error) => {
  console.error(`Cannot start ${program}: ${error.message}`)
  process.exit(1)
})
child.on("exit", (code, signal) => process.exit(code ?? (signal === null ? 0 : 1)))
