/** Processes that tests start, and end with the test. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { describe, expect, vi } from "vitest"
import { closing, describeWithServers, SOON } from "./Opening.ts"

// Which runtime starts the processes makes no difference to them, but signals do not reach them from every one.
export const isNode: boolean = process.env["TEST_RUNTIME"] === "node"
if (!isNode) console.log("Processes on Redis: tested from Node only; skipped here")

/** Tests that start processes and servers of their own. */
export const describeWithProcesses: ReturnType<typeof describe.skipIf> = isNode ? describeWithServers : describe.skip

const root = join(import.meta.dirname, "..", "..")
const bin = join(root, "node_modules", ".bin")

/** A process, and what it has printed so far. */
export interface Launched {
  readonly child: ChildProcess
  readonly exited: Promise<number | null>
  readonly printed: () => string
}

const ARGUMENTS = { node: [], bun: [], deno: ["run", "-A"] } as const

export type Runtime = keyof typeof ARGUMENTS

/** Starts a script in a process of its own. */
export const launch = (script: string, env: Readonly<Record<string, string>>, runtime: Runtime = "node"): Launched => {
  const child = spawn(join(bin, runtime), [...ARGUMENTS[runtime], script], {
    cwd: root,
    env: { ...process.env, REDIS_URL: undefined, PATH: `${bin}:${process.env["PATH"]}`, ...env }
  })
  let printed = ""
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (printed += chunk.toString()))
  const exited = once(child, "exit").then(([code]) => code as number | null)
  closing(async () => {
    child.kill("SIGKILL")
    await exited
  })
  return { child, exited, printed: () => printed }
}

/** The process, once it says that it is at work. */
export const atWork = async (launched: Launched): Promise<Launched> => {
  await vi.waitFor(() => expect(launched.printed()).toContain("is at work"), SOON)
  return launched
}
