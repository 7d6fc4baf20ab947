/** A Redis server for the tests: one that `REDIS_URL` names, or one of their own with a directory of its own. */
import { execFileSync, spawn, spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { type AddressInfo, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Redis } from "ioredis"
import type { TestProject } from "vitest/node"

declare module "vitest" {
  interface ProvidedContext {
    /** Where the tests' Redis is; undefined where there is none. */
    readonly redisUrl: string | undefined
  }
}

/** A server that was started. */
export interface Started {
  readonly url: string
  readonly port: number
  readonly pid: number
  readonly stop: () => Promise<void>
}

const NAMES = ["redis-server", "valkey-server"]

/** Whether a program is on this machine. */
export const isThere = (program: string): boolean => spawnSync(program, ["--version"]).status === 0

/** The program of a Redis server that is on this machine. */
export const redisProgram = (): string | undefined => NAMES.find(isThere)

/** A port that nobody listens on. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.on("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })

/** Starts a server, in a new directory unless one is given, with a file of settings if there is one, and waits until it answers. */
export const start = async (
  server: string,
  options: ReadonlyArray<string> = [],
  place: { readonly port?: number; readonly directory?: string; readonly file?: string } = {}
): Promise<Started> => {
  const port = place.port ?? (await freePort())
  const directory = place.directory ?? mkdtempSync(join(tmpdir(), "levada-redis-"))
  const child = spawn(
    server,
    [
      ...(place.file === undefined ? [] : [place.file]),
      "--port",
      String(port),
      "--bind",
      "127.0.0.1",
      "--dir",
      directory,
      "--save",
      "",
      "--appendonly",
      "yes",
      ...options
    ],
    { stdio: "ignore" }
  )
  const ended = new Promise<void>((resolve) => child.on("exit", () => resolve()))
  const client = new Redis(port, { retryStrategy: () => 20, maxRetriesPerRequest: 500 })
  client.on("error", () => undefined)
  // A server that asks for a password answers too.
  await client.ping().catch((error: Error) => {
    if (!error.message.includes("NOAUTH")) throw error
  })
  client.disconnect()
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    pid: child.pid!,
    stop: async () => {
      child.kill("SIGKILL")
      await ended
      if (place.directory === undefined) rmSync(directory, { recursive: true, force: true })
    }
  }
}

/** The rights of a user that docs/redis.md lists, for the keys and channels that begin with a prefix. */
export const rights = (prefix: string): ReadonlyArray<string> => {
  const page = readFileSync(join(import.meta.dirname, "..", "..", "docs", "redis.md"), "utf8")
  const listed = /^ACL SETUSER levada on >password (.*?)^```/ms.exec(page)![1]!
  return listed.replaceAll("{levada}:", prefix).trim().split(/\s+/)
}

/** Starts the server that all suites share, and says which one it is. */
export default async (project: TestProject): Promise<() => Promise<void>> => {
  const given = process.env["REDIS_URL"]
  if (given !== undefined) {
    console.log("Redis: the one that REDIS_URL names")
    project.provide("redisUrl", given)
    return async () => undefined
  }
  const server = redisProgram()
  if (server === undefined) {
    const missing = "Redis: no redis-server or valkey-server on this machine; `npm run setup` installs one where it may"
    if (process.env["CI"]) throw new Error(missing)
    console.log(`${missing}; its tests are skipped`)
    project.provide("redisUrl", undefined)
    return async () => undefined
  }
  const { url, stop } = await start(server)
  console.log(`Redis: ${execFileSync(server, ["--version"], { encoding: "utf8" }).split(" sha=")[0]!.trim()} at ${url}`)
  project.provide("redisUrl", url)
  return stop
}
