/** What tests open for themselves, closed again after each: Redis servers of their own, clients, Levadas over them. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Redis } from "ioredis"
import { afterEach, describe } from "vitest"
import { Access, Levada, type Pipeline } from "../../adapters/promise/index.ts"
import { RedisStore } from "../../adapters/redis/index.ts"
import { redisProgram, type Started, start } from "./server.ts"

const program = redisProgram()
if (program === undefined) {
  const missing = "Redis: no redis-server or valkey-server on this machine that tests could start"
  if (process.env["CI"]) throw new Error(missing)
  console.log(`${missing}; they are skipped`)
}

/** Tests that start servers of their own. Skipped where there is no program to start. */
export const describeWithServers: ReturnType<typeof describe.skipIf> = describe.skipIf(program === undefined)

/** How long to look for what has to happen, and how often. Waiting ends as soon as it has. */
export const SOON: { readonly timeout: number; readonly interval: number } = { timeout: 15_000, interval: 10 }

const closers: Array<() => unknown> = []
afterEach(async () => {
  // What was opened last is closed first, and all of it, whatever one of them says.
  for (const close of closers.splice(0).reverse()) await Promise.resolve(close()).catch(() => undefined)
})

/** Has something closed after the test. */
export const closing = (close: () => unknown): void => {
  closers.push(close)
}

/** Starts a server for this test. */
export const server = async (...options: ReadonlyArray<string>): Promise<Started> => {
  const started = await start(program!, options)
  closing(started.stop)
  return started
}

/** A place for a server that is started there time and again: on the same port, with the same data. */
export const place = (port: number): { readonly start: (...options: ReadonlyArray<string>) => Promise<Started> } => {
  const directory = mkdtempSync(join(tmpdir(), "levada-redis-"))
  closing(() => rmSync(directory, { recursive: true, force: true }))
  return {
    start: async (...options) => {
      const started = await start(program!, options, { port, directory })
      closing(started.stop)
      return started
    }
  }
}

/** Starts a server that stays for several tests. */
export const lasting = (...options: ReadonlyArray<string>): Promise<Started> => start(program!, options)

/** A client that looks at what is on a server. */
export const client = (url: string): Redis => {
  const made = new Redis(url, { replyMapping: "legacy", retryStrategy: () => 20 })
  made.on("error", () => undefined)
  closing(() => made.disconnect())
  return made
}

/** A process of its own, as far as Redis can tell: a Levada with connections of its own. */
export const levada = (
  pipelines: ReadonlyArray<Pipeline.Any>,
  store: RedisStore.Options,
  options: Pick<Levada.LayerOptions<ReadonlyArray<Pipeline.Any>>, "worker" | "schedules"> = {}
): Levada.Levada => {
  const worker = options.worker === false ? options.worker : { graceMillis: 0, ...options.worker }
  const all = { pipelines, access: Access.open, store: RedisStore.layer(store), ...options, worker }
  const made = Levada.make(all as Levada.Options<readonly []>)
  closing(made.close)
  return made
}

/** What the API answers. */
export const ask = async (of: Levada.Levada, method: string, path: string, body?: unknown) => {
  const response = await of.fetch(
    new Request(`http://localhost${path}`, {
      method,
      ...(body !== undefined && { headers: { "content-type": "application/json" }, body: JSON.stringify(body) })
    })
  )
  const json = (response.status === 204 ? {} : await response.json()) as Record<string, unknown>
  return { status: response.status, retryAfter: response.headers.get("retry-after"), json }
}

/** Every key of a prefix, without the prefix. */
export const keys = async (of: Redis, prefix: string): Promise<ReadonlyArray<string>> => {
  const found = new Set<string>()
  for await (const some of of.scanStream({ match: `{${prefix}}:*`, count: 1_000 })) {
    for (const key of some as ReadonlyArray<string>) found.add(key.slice(prefix.length + 3))
  }
  return [...found].sort()
}

/** What workers and watchers say of themselves all the time, whether there are runs or not. */
const ALWAYS = /^(?:feed|clock|serial|tokens|workers|watchers|waiters|digests|order|meta|idle:.*|versions:.*)$/

/** The keys of a prefix that are about runs. */
export const runKeys = async (of: Redis, prefix: string): Promise<ReadonlyArray<string>> =>
  (await keys(of, prefix)).filter((key) => !ALWAYS.test(key))

/** These keys with what is in them, to be compared. */
export const contents = async (of: Redis, prefix: string): Promise<Readonly<Record<string, string>>> => {
  const found: Record<string, string> = {}
  for (const key of await runKeys(of, prefix)) {
    found[key] = ((await of.dumpBuffer(`{${prefix}}:${key}`)) ?? Buffer.of()).toString("hex")
  }
  return found
}
