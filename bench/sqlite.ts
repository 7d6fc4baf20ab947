/**
 * Levada on SQLite: how many runs of each shape it records durably, beside what the disk allows: the same bytes, inserted by a
 * plain loop in commits as large as Levada's.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
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
const ROUNDS = 3
const AT_ONCE = 100

type Levadas = Readonly<Record<"file" | "memory", Levada.Levada>>

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
  return { millis: performance.now() - began, took }
}

/** Inserts rows of the same length, in commits of as many rows as clients. Returns the runs per second of that. */
const raw = (file: string, bytes: number, count: number): number => {
  const database = new DatabaseSync(file)
  database.exec(
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE runs (id INTEGER PRIMARY KEY, text TEXT)"
  )
  const insert = database.prepare("INSERT INTO runs (text) VALUES (?)")
  const text = "x".repeat(bytes)
  const began = performance.now()
  for (let done = 0; done < count; done += AT_ONCE) {
    database.exec("BEGIN")
    for (let row = 0; row < AT_ONCE; row++) insert.run(text)
    database.exec("COMMIT")
  }
  const perSecond = (1_000 * count) / (performance.now() - began)
  database.close()
  return perSecond
}

const quantile = (values: ReadonlyArray<number>, share: number): number =>
  [...values].sort((one, other) => one - other)[Math.floor(values.length * share)]!

/** Measures all shapes. */
export const sqlite = async (): Promise<void> => {
  // Not in memory, as the folder for temporary files may be.
  const folder = mkdtempSync(join(process.env["BENCH_FOLDER"] ?? tmpdir(), "levada-bench-"))
  const file = join(folder, "levada.db")
  const pipelines = Object.values(SHAPES).map(([pipeline]) => pipeline)
  const options = { pipelines, access: Access.open }
  const levadas: Levadas = {
    file: Levada.make({ ...options, store: SqliteStore.layer({ file, historyCount: 1_000_000 }) }),
    memory: Levada.make({ ...options, store: Store.layerMemory({ historyCount: 1_000 }) })
  }
  await levadas.file.ready
  for (const shape of Object.keys(SHAPES) as ReadonlyArray<Shape>) {
    const [one, many] = RUNS[shape]
    await drive(levadas.file, shape, one, 1)
    const before = statSync(file).size
    const rates = { file: [] as Array<number>, memory: [] as Array<number> }
    let took: ReadonlyArray<number> = []
    for (let round = 0; round < ROUNDS; round++) {
      for (const kept of round % 2 === 0 ? (["file", "memory"] as const) : (["memory", "file"] as const)) {
        const driven = await drive(levadas[kept], shape, many, AT_ONCE)
        rates[kept].push((1_000 * many) / driven.millis)
        if (kept === "file") took = driven.took
      }
    }
    const alone = (await drive(levadas.file, shape, one, 1)).took
    const bytes = Math.max(Math.round((statSync(file).size - before) / (ROUNDS * many)), 100)
    const floor = raw(join(folder, `${shape}-raw.db`), bytes, many)
    const [durable, inMemory] = [median(rates.file), median(rates.memory)]
    console.log(
      `SQLite, ${shape}: ${durable.toFixed(0)} runs/s at ${AT_ONCE} at once, ${((100 * durable) / floor).toFixed(0)} % of plain inserts, ` +
        `${((100 * durable) / inMemory).toFixed(0)} % of memory; ${bytes} bytes a run; ` +
        `p50 ${quantile(took, 0.5).toFixed(1)} ms, p99 ${quantile(took, 0.99).toFixed(1)} ms; ` +
        `alone p50 ${quantile(alone, 0.5).toFixed(1)} ms, p99 ${quantile(alone, 0.99).toFixed(1)} ms`
    )
  }
  await levadas.file.close()
  await levadas.memory.close()
  rmSync(folder, { recursive: true, force: true })
}
