/** Starts a server under test in a process of its own, on the runtime that it is for. */
import { type ChildProcessByStdio, spawn } from "node:child_process"
import type { Readable, Writable } from "node:stream"
import { fileURLToPath } from "node:url"

/** A runtime among the development dependencies. */
export type Runtime = "node" | "bun" | "deno"

/** How a process ended. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A server that listens. */
export interface Launched {
  readonly url: string
  /** Tells it to end, as a process manager would. */
  readonly terminate: () => void
  readonly ended: Promise<Ended>
  /** Everything that it has printed until now. */
  readonly printed: () => string
  /** Terminates it. Rejects unless it ends by itself with exit code 0. */
  readonly close: () => Promise<void>
}

const root = fileURLToPath(new URL("../../", import.meta.url))

const ARGUMENTS: { readonly [R in Runtime]: ReadonlyArray<string> } = {
  node: [],
  bun: [],
  deno: ["run", "--allow-all", "--no-lock"]
}

/** How long a server may take to listen, and to end, in milliseconds. */
const START_MILLIS = 20_000
const CLOSE_MILLIS = 15_000

/** Starts `servers/<script>.ts` on a runtime, with more environment variables. */
export const launch = async (
  runtime: Runtime,
  script: string,
  environment: Readonly<Record<string, string>> = {}
): Promise<Launched> => {
  const name = `${script}.ts on ${runtime}`
  const child = spawn(
    `${root}node_modules/.bin/${runtime}`,
    [...ARGUMENTS[runtime], `${root}test/http/servers/${script}.ts`],
    // It ends when its stdin does, so it can't be left behind.
    { cwd: root, stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, DENO_NO_UPDATE_CHECK: "1", ...environment } }
  )
  let stderr = ""
  let printed = ""
  child.stderr.on("data", (chunk: Buffer) => {
    stderr = `${stderr}${chunk.toString()}`.slice(-10_000)
    printed += chunk.toString()
  })
  child.stdout.on("data", (chunk: Buffer) => {
    printed += chunk.toString()
  })
  const ended = new Promise<Ended>((resolve) => child.once("close", (code, signal) => resolve({ code, signal })))
  const about = (what: string): Error => new Error(`${name} ${what}; its stderr:\n${stderr}`)

  let late: NodeJS.Timeout | undefined
  const url = await Promise.race([
    listening(child),
    ended.then(({ code, signal }) => Promise.reject(about(`ended before it listened, with ${code ?? signal}`))),
    new Promise<never>((_, reject) => {
      child.once("error", (error) => reject(about(`did not start: ${error.message}`)))
      late = setTimeout(() => {
        child.kill("SIGKILL")
        reject(about("does not listen"))
      }, START_MILLIS)
    })
  ]).finally(() => clearTimeout(late))

  const close = async (): Promise<void> => {
    child.kill("SIGTERM")
    const tooLate = setTimeout(() => child.kill("SIGKILL"), CLOSE_MILLIS)
    const { code, signal } = await ended
    clearTimeout(tooLate)
    if (code !== 0) throw about(`ended with ${code ?? signal}`)
  }
  return { url, terminate: () => void child.kill("SIGTERM"), ended, printed: () => printed, close }
}

const listening = (child: ChildProcessByStdio<Writable, Readable, Readable>): Promise<string> =>
  new Promise((resolve) => {
    let stdout = ""
    child.stdout.on("data", (chunk: Buffer) => {
      stdout = `${stdout}${chunk.toString()}`.slice(-10_000)
      const url = /^(http:\/\/\S+)$/m.exec(stdout)?.[1]
      if (url !== undefined) resolve(url)
    })
  })
