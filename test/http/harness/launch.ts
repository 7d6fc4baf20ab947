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
  /** Where each of its Levadas listens, in the order of `ACCESS`. */
  readonly urls: ReadonlyArray<string>
  /** Everything that it has printed so far. */
  readonly printed: () => string
  /** Tells it to end, as a process manager would. */
  readonly terminate: () => void
  readonly ended: Promise<Ended>
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

/** Starts `servers/<script>.ts` on a runtime, with more environment variables. */
export const launch = async (
  runtime: Runtime,
  script: string,
  environment: Readonly<Record<string, string>> = {}
): Promise<Launched> => {
  const name = `${script}.ts on ${runtime}`
  const child = spawn(
    `${root}node_modules/.bin/${runtime}`,
    [...ARGUMENTS[runtime], `${root}test/http/harness/servers/${script}.ts`],
    // It ends when its stdin does, so it can't be left behind.
    { cwd: root, stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, DENO_NO_UPDATE_CHECK: "1", ...environment } }
  )
  let stderr = ""
  const printed: Array<string> = []
  child.stdout.on("data", (chunk: Buffer) => void printed.push(chunk.toString()))
  child.stderr.on("data", (chunk: Buffer) => {
    printed.push(chunk.toString())
    stderr = `${stderr}${chunk.toString()}`.slice(-10_000)
  })
  const ended = new Promise<Ended>((resolve) => child.once("close", (code, signal) => resolve({ code, signal })))
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
