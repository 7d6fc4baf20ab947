/** Starts processes that may be killed: see `Victim.ts`. */
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"

/** Bundles the program into one file, which starts five times as fast as its sources. */
export const bundle = (to: string): string => {
  const esbuild = join(import.meta.dirname, "../../node_modules/.bin/esbuild")
  const options = ["--bundle", "--platform=node", "--format=esm", "--log-level=error", `--outfile=${to}`]
  execFileSync(esbuild, [join(import.meta.dirname, "Victim.ts"), ...options])
  return to
}

/** A process. */
export interface Victim {
  readonly kill: (signal: NodeJS.Signals) => void
  /** Its exit code; null when it was killed. */
  readonly closed: Promise<number | null>
  /** Resolves once its Store is open. */
  readonly ready: Promise<void>
  /** What it wrote to standard error. */
  readonly problems: () => string
}

export const launch = (
  program: string,
  file: string,
  ledger: string,
  seed?: number,
  environment: Readonly<Record<string, string>> = {}
): Victim => {
  const child = spawn(process.execPath, [program, file, ledger, ...(seed === undefined ? [] : [String(seed)])], {
    env: { ...process.env, ...environment }
  })
  let problems = ""
  child.stderr.on("data", (chunk: Buffer) => (problems += chunk.toString()))
  const closed = once(child, "close").then(([code]) => code as number | null)
  const ready = Promise.race([
    once(child.stdout, "data").then(() => undefined),
    closed.then(() => Promise.reject(new Error(`The process ended: ${problems}`)))
  ])
  ready.catch(() => {})
  return { kill: (signal) => void child.kill(signal), closed, ready, problems: () => problems }
}
