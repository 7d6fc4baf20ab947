/**
 * Levada on SQLite: how many runs of each shape it records durably, beside what the disk and SQLite allow: a plain loop that
 * inserts the same rows into the same tables with the same indexes, in as many commits.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync, type SQLInputValue } from "node:sqlite"
import { Access, Levada, Store } from "../adapters/promise/index.ts"
import { SqliteStore } from "../adapters/sqlite/index.ts"
import { median } from "./compare.ts"
import { SHAPES } from "./redis/shapes.ts"
import type { Shape } from "./shapes.ts"

/** The number of runs of each shape: with one at once, and with 100. */
const RUNS: Readonly<Record<Shape, readonly [one: number, many: number]>> = {
  flat: [200, 10_000],
  chain: [50, 2_000],
  diamond: [100, 4_000],
  fan: [30, 200]
}
const ROUNDS = 5
const AT_ONCE = 100

/** Counts the commits of this process. */
let commits = 0
const exec = DatabaseSync.prototype.exec
DatabaseSync.prototype.exec = function (sql) {
  if (sql === "COMMIT") commits++
  exec.call(this, sql)
}

/** Runs `count` runs to their end, `atOnce` at the same time. Returns how long each took, and all together. */
const drive = async (levada: Levada.Levada, shape: Shape, count: number, atOnce: number) => {
  const [pipeline] = SHAPES[shape]!
  const took: Array<number> = []
  let left = count
  const began = performance.now()
  const client = async (): Promise<void> => {
    while (left-- > 0) {
      const start = performance.now()
      await levada.execute(pipeline, { n: 1 } as never)
      took.push(performance.now() - start)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, client))
  return { perSecond: (1_000 * count) / (performance.now() - began), took }
}

type Values = ReadonlyArray<SQLInputValue>

/** What a file has: its tables, and the rows of runs after one with their events. */
interface Content {
  readonly schema: ReadonlyArray<string>
  readonly runs: ReadonlyArray<Values>
  readonly events: ReadonlyArray<Values>
}

const contentOf = (file: string, serial: number): Content => {
  const database = new DatabaseSync(file, { readOnly: true })
  const rows = (sql: string): ReadonlyArray<Values> =>
    database
      .prepare(sql)
      .all()
      .map((row) => Object.values(row) as Values)
  const schema = rows("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL").map(([sql]) => sql as string)
  const runs = rows(`SELECT * FROM runs WHERE serial > ${serial} ORDER BY serial`)
  const events = rows(`SELECT * FROM events WHERE run > ${serial} ORDER BY number`)
  database.close()
  return { schema, runs, events }
}

/** Inserts the same rows in as many commits. Returns the runs per second of that. */
const insert = (file: string, { schema, runs, events }: Content, inCommits: number): number => {
  const database = new DatabaseSync(file)
  exec.call(database, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
  for (const sql of schema) exec.call(database, sql)
  const into = (table: string, [first]: ReadonlyArray<Values>) =>
    database.prepare(`INSERT INTO ${table} VALUES (${first!.map(() => "?").join(", ")})`)
  const [insertRun, insertEvents] = [into("runs", runs), into("events", events)]
  const began = performance.now()
  const share = (rows: ReadonlyArray<Values>, at: number): ReadonlyArray<Values> =>
    rows.slice(Math.floor((at * rows.length) / inCommits), Math.floor(((at + 1) * rows.length) / inCommits))
  for (let at = 0; at < inCommits; at++) {
    exec.call(database, "BEGIN IMMEDIATE")
    for (const row of share(runs, at)) insertRun.run(...row)
    for (const row of share(events, at)) insertEvents.run(...row)
    exec.call(database, "COMMIT")
  }
  const perSecond = (1_000 * runs.length) / (performance.now() - began)
  database.close()
  rmSync(file)
  return perSecond
}

const quantile = (values: ReadonlyArray<number>, share: number): number =>
  [...values].sort((one, other) => one - other)[Math.floor(values.length * share)]!

const inMillis = (took: ReadonlyArray<number>): string =>
  `p50 ${quantile(took, 0.5).toFixed(1)} ms, p99 ${quantile(took, 0.99).toFixed(1)} ms`

const measure = async (folder: string, shape: Shape): Promise<void> => {
  const file = join(folder, `${shape}.db`)
  const options = { pipelines: [SHAPES[shape]![0]], access: Access.open }
  const durable = Levada.make({ ...options, store: SqliteStore.layer({ file, historyCount: 1_000_000 }) })
  const memory = Levada.make({ ...options, store: Store.layerMemory({ historyCount: 1_000 }) })
  await durable.ready
  const [one, many] = RUNS[shape]
  const rates = { durable: [] as Array<number>, memory: [] as Array<number>, plain: [] as Array<number> }
  const runFile = async (serial: number): Promise<Content> => {
    commits = 0
    const driven = await drive(durable, shape, many, AT_ONCE)
    const inCommits = commits
    const content = contentOf(file, serial)
    took = driven.took
    rates.durable.push(driven.perSecond)
    rates.plain.push(insert(join(folder, "plain.db"), content, inCommits))
    perHundred = (100 * inCommits) / many
    return content
  }
  let took: ReadonlyArray<number> = []
  let perHundred = 0
  // Both are warm when they are measured.
  await drive(memory, shape, many, AT_ONCE)
  await drive(durable, shape, many, AT_ONCE)
  let serial = many
  let content: Content | undefined
  for (let round = 0; round < ROUNDS; round++) {
    const runMemory = async () => rates.memory.push((await drive(memory, shape, many, AT_ONCE)).perSecond)
    if (round % 2 === 0) await runMemory()
    content = await runFile(serial)
    serial += many
    if (round % 2 === 1) await runMemory()
  }
  const alone = (await drive(durable, shape, one, 1)).took
  await durable.close()
  await memory.close()
  const rate = median(rates.durable)
  const part = (of: ReadonlyArray<number>): string => `${((100 * rate) / median(of)).toFixed(0)} %`
  console.log(
    `SQLite, ${shape}: ${rate.toFixed(0)} runs/s at ${AT_ONCE} at once, ${part(rates.plain)} of plain inserts ` +
      `(${median(rates.plain).toFixed(0)}), ${part(rates.memory)} of memory (${median(rates.memory).toFixed(0)}); ${inMillis(took)}; ` +
      `alone ${inMillis(alone)}; ${perHundred.toFixed(1)} commits per 100 runs, ${(content!.events.length / many).toFixed(1)} ` +
      `rows of events and ${(statSync(file).size / (serial + one)).toFixed(0)} bytes a run`
  )
}

/** Measures all shapes. */
export const sqlite = async (): Promise<void> => {
  // Not in memory, as the folder for temporary files may be.
  const folder = mkdtempSync(join(process.env["BENCH_FOLDER"] ?? tmpdir(), "levada-bench-"))
  for (const shape of Object.keys(SHAPES) as ReadonlyArray<Shape>) await measure(folder, shape)
  rmSync(folder, { recursive: true, force: true })
}

if (import.meta.main) await sqlite()
