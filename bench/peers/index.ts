/**
 * Levada on SQLite beside systems that do the same durable work, on the same disk: `npm run bench:peers`, or some of it:
 * `npm run bench:peers -- flat chain levada openworkflow`.
 * Each measurement has a process, a new folder and, if need be, a new server of its own; the systems take turns.
 *
 * `BENCH_FOLDER` names a folder on the disk in question; Postgres must be able to enter it.
 */
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeSync
} from "node:fs"
import { availableParallelism, cpus, tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import * as Redis from "../../test/redis/server.ts"
import { median } from "../compare.ts"
import * as Postgres from "../postgres.ts"
import type { Shape } from "../shapes.ts"
import type { Figures } from "./child.ts"
import type { Place } from "./contract.ts"

const ROUNDS = 3

/** The number of Linux for a file system in memory. */
const TMPFS = 0x01021994

type Server = { readonly url: string; readonly stop: () => Promise<void> } | undefined

/** Syncs after each turn of its event loop in which something was written, before it answers. */
const redis = async (): Promise<Server> => {
  const program = Redis.redisProgram()
  return program === undefined ? undefined : Redis.start(program, ["--appendfsync", "always"])
}

/** Syncs in each commit, by default. */
const postgres = (): Promise<Server> => Postgres.start({ shared_buffers: "512MB", max_wal_size: "4GB" })

interface System {
  readonly name: string
  /** The name of its package, and of the file here that runs it. */
  readonly package?: string
  readonly file: string
  readonly on: string
  readonly runtime: "node" | "bun"
  readonly server?: () => Promise<Server>
}

const SYSTEMS: ReadonlyArray<System> = [
  { name: "Levada", file: "levada", on: "SQLite", runtime: "node" },
  { name: "openworkflow", package: "openworkflow", file: "openworkflow", on: "SQLite", runtime: "node" },
  { name: "bunqueue", package: "bunqueue", file: "bunqueue", on: "SQLite", runtime: "bun" },
  { name: "DBOS", package: "@dbos-inc/dbos-sdk", file: "dbos", on: "Postgres", runtime: "node", server: postgres },
  { name: "pg-boss", package: "pg-boss", file: "pgboss", on: "Postgres", runtime: "node", server: postgres },
  { name: "BullMQ", package: "bullmq", file: "bullmq", on: "Redis", runtime: "node", server: redis }
]
const SHAPES: ReadonlyArray<Shape> = ["flat", "chain", "diamond", "fan"]

const folderOfPeers = import.meta.dirname
const root = join(folderOfPeers, "..", "..")

/** Installs what the lock file names, unless it is there. */
const install = (): void => {
  const wanted = readFileSync(join(folderOfPeers, "package-lock.json"), "utf8")
  const kept = join(folderOfPeers, "node_modules", ".package-lock.json")
  const { packages } = JSON.parse(wanted) as { packages: Record<string, { version?: string; optional?: boolean }> }
  const found = existsSync(kept)
    ? (JSON.parse(readFileSync(kept, "utf8")) as { packages: typeof packages }).packages
    : {}
  const isThere = Object.entries(packages).every(
    ([path, { version, optional }]) => path === "" || optional === true || found[path]?.version === version
  )
  if (!isThere) execFileSync("npm", ["ci", "--ignore-scripts"], { cwd: folderOfPeers, stdio: "inherit" })
}

const checkTypes = (): void => {
  execFileSync(process.execPath, [join(root, "node_modules/@typescript/native/bin/tsc"), "-p", folderOfPeers], {
    stdio: "inherit"
  })
}

/** The median time of a write of 4 KiB with its sync, in milliseconds. */
const syncMillis = (folder: string): number => {
  const file = openSync(join(folder, "sync"), "w")
  const block = Buffer.alloc(4_096)
  const took = Array.from({ length: 300 }, () => {
    const began = performance.now()
    writeSync(file, block)
    fdatasyncSync(file)
    return performance.now() - began
  })
  closeSync(file)
  return median(took)
}

/** Measures one system. Undefined if its server is not installed. */
const measure = async (system: System, shapes: ReadonlyArray<Shape>): Promise<ReadonlyArray<Figures> | undefined> => {
  const server = await system.server?.()
  if (system.server !== undefined && server === undefined) return undefined
  const folder = mkdtempSync(join(tmpdir(), "levada-peers-"))
  const place: Place = { folder, url: server?.url ?? "" }
  const program = system.runtime === "bun" ? join(root, "node_modules/.bin/bun") : process.execPath
  const child = spawn(program, [join(folderOfPeers, "child.ts"), system.file, JSON.stringify(place), ...shapes], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, NODE_NO_WARNINGS: "1", NODE_ENV: "production" }
  })
  const ended = once(child, "exit")
  const figures: Array<Figures> = []
  // Lines that are not JSON are messages of the measured system.
  for await (const line of createInterface(child.stdout))
    if (line.startsWith("{")) figures.push(JSON.parse(line) as Figures)
  const [code] = await ended
  await server?.stop()
  rmSync(folder, { recursive: true, force: true })
  if (code !== 0) throw new Error(`${system.name} ended with ${code}`)
  return figures
}

const versionOf = (system: System): string =>
  system.package === undefined
    ? ""
    : ` ${(JSON.parse(readFileSync(join(folderOfPeers, "node_modules", system.package, "package.json"), "utf8")) as { version: string }).version}`

const millis = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0))
const perSecond = (value: number): string => (value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString("en"))

const table = (
  shapes: ReadonlyArray<Shape>,
  found: ReadonlyMap<System, ReadonlyArray<ReadonlyArray<Figures>>>
): void => {
  console.log("| shape | system | runs/s, 100 at once | Levada has | alone p50, p99 ms | 100 at once p50, p99 ms |")
  console.log("| --- | --- | --: | --: | --: | --: |")
  for (const shape of shapes) {
    let ours = Number.NaN
    for (const [system, rounds] of found) {
      const figures = rounds.map((round) => round.find((one) => one.shape === shape)!)
      const of = (pick: (figure: Figures) => number): number => median(figures.map(pick))
      const rate = of((figure) => figure.perSecond)
      if (system.package === undefined) ours = rate
      const pair = (key: "alone" | "many"): string =>
        `${millis(of((figure) => figure[key][0]))}, ${millis(of((figure) => figure[key][1]))}`
      const ratio = system.package === undefined ? "" : `${(ours / rate).toFixed(1)} times`
      console.log(`| ${shape} | ${system.name} | ${perSecond(rate)} | ${ratio} | ${pair("alone")} | ${pair("many")} |`)
    }
  }
}

const asked = process.argv.slice(2)
/** The choices that the command line names; all of them if it names none. */
const chosen = <Item>(all: ReadonlyArray<Item>, word: (item: Item) => string): ReadonlyArray<Item> => {
  const some = all.filter((item) => asked.includes(word(item)))
  return some.length === 0 ? all : some
}
const shapes = chosen(SHAPES, (shape) => shape)
const systems = chosen(SYSTEMS, ({ file }) => file)
if (process.env["BENCH_FOLDER"] !== undefined) process.env["TMPDIR"] = process.env["BENCH_FOLDER"]
if (statfsSync(tmpdir()).type === TMPFS)
  throw new Error(`${tmpdir()} is in memory; name a folder on a disk in BENCH_FOLDER`)
install()
checkTypes()

const place = mkdtempSync(join(tmpdir(), "levada-peers-"))
console.log(
  `${availableParallelism()} cores of ${cpus()[0]?.model}, Node ${process.versions.node}, a sync takes ${syncMillis(place).toFixed(2)} ms; ` +
    systems.map((system) => `${system.name}${versionOf(system)} on ${system.on}`).join(", ")
)
rmSync(place, { recursive: true, force: true })
const found = new Map<System, Array<ReadonlyArray<Figures>>>(systems.map((system) => [system, []]))
for (let round = 0; round < ROUNDS; round++) {
  for (const system of round % 2 === 0 ? systems : systems.toReversed()) {
    const figures = await measure(system, shapes)
    if (figures === undefined) {
      console.log(`${system.name}: no ${system.on} on this machine; not measured`)
      found.delete(system)
    } else found.get(system)?.push(figures)
  }
}
table(shapes, found)
