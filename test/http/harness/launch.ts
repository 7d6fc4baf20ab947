/** Starts a server under test in its own process, on its own runtime. */
import { type ChildProcessByStdio, spawn } from "node:child_process"
import type { Readable, Writable } from "node:stream"
import { fileURLToPath } from "node:url"

/** A runtime among the development dependencies. */
export type Runtime = "node" | "bun" | "deno"

/** How a process ended. */
export interface ProcessEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A server that listens. */
export interface Launched {
  readonly url: string
  /** The URL of each of its Levadas, in the order of `ACCESS`. */
  readonly urls: ReadonlyArray<string>
  /** Its whole output so far. */
  readonly printed: () => string
  /** Sends SIGTERM, as a process manager would. */
  readonly terminate: () => void
  readonly ended: Promise<ProcessEnd>
  /** Terminates it. Rejects unless it ends by itself with exit code 0. */
  readonly close: () => Promise<void>
}

const root = fileURLToPath(new URL("../../../", import.meta.url))

const ARGUMENTS: { readonly [R in Runtime]: ReadonlyArray<string> } = {
  node: [],
  bun: [],
  deno: ["run", "--allow-all", "--no-lock"]
}

/** How long a server may take to listen, and to end, in milliseconds. */
const START_MILLIS = 20_000
const CLOSE_MILLIS = 15_000

/** Starts `servers/<script>.ts` on a runtime, with these additional environment variables. */
export const launch = async (
  runtime: Runtime,
  script: string,
  environment: Readonly<Record<string, string>> = {}
): Promise<Launched> => {
  const name = `${script}.ts on ${runtime}`
  const child = spawn(
    `${root}node_modules/.bin/${runtime}`,
    [...ARGUMENTS[runtime], `${root}test/http/harness/servers/${script}.ts`],
    // The server ends with its stdin, so it can't outlive the test.
    { cwd: root, stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, DENO_NO_UPDATE_CHECK: "1", ...environment } }
  )
  let stderr = ""
  const printed: Array<string> = []
  child.stdout.on("data", (chunk: Buffer) => void printed.push(chunk.toString()))
  child.stderr.on("data", (chunk: Buffer) => {
    printed.push(chunk.toString())
    stderr = `${stderr}${chunk.toString()}`.slice(-10_000)
  })
  const ended = new Promise<ProcessEnd>((resolve) => child.once("close", (code, signal) => resolve({ code, signal })))
  const about = (what: string): Error => new Error(`${name} ${what}; its stderr:\n${stderr}`)

  let late: NodeJS.Timeout | undefined
  const urls = await Promise.race([
    listening(child, environment["ACCESS"]?.split(",").length ?? 1),
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
  return {
    url: urls[0]!,
    urls,
    printed: () => printed.join(""),
    terminate: () => void child.kill("SIGTERM"),
    ended,
    close
  }
}

const listening = (
  child: ChildProcessByStdio<Writable, Readable, Readable>,
  count: number
): Promise<ReadonlyArray<string>> =>
  new Promise((resolve) => {
    let stdout = ""
    const onData = (chunk: Buffer): void => {
      stdout += chunk.toString()
      const urls = Array.from(stdout.matchAll(/^(http:\/\/\S+)\n/gm), ([, url]) => url!)
      if (urls.length < count) return
      child.stdout.off("data", onData)
      resolve(urls)
    }
    child.stdout.on("data", onData)
  })
