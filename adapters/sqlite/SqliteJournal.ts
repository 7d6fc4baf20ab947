/** A journal in an SQLite file. */
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite"
import type {
  Batch,
  Journal,
  LinesRow,
  Retention,
  RunChanges,
  StoredEntry,
  StoredRun,
  TableName,
  UnitRow,
  ValueRow
} from "../../core/memory/journal/Journal.ts"
import type { RunStatus } from "../../core/run/Run.ts"
import { sha256 } from "../../core/values/Digest.ts"
import { SqliteCheckpoints } from "./SqliteCheckpoints.ts"
import { failureOf } from "./SqliteFailure.ts"
import type { OwnedFile } from "./SqliteFile.ts"

/** How many runs a list reads at once. */
const PAGE = 200

/** The most ids of plans in the cache, by the text of the plan. */
const MAX_PLANS = 1_000

/** With fewer free pages a file does not shrink, and by how many pages at once it does. */
const MIN_FREE = 1_000
const MAX_FREED = 256

/** How many bytes the file must take before the Store goes on after a failure. */
const PROBED_BYTES = 1 << 18

/** The tables with rows of one run, under its serial number. */
const OF_RUN = ["events", "long_values", "units", "lists", "lines", "line_counts"] as const

type Row = Readonly<Record<string, unknown>>

export class SqliteJournal implements Journal {
  readonly #database: DatabaseSync
  readonly #statements: Map<string, StatementSync> = new Map()
  readonly #plans: Map<string, number> = new Map()

  readonly #checkpoints: SqliteCheckpoints
  readonly #owned: OwnedFile

  constructor(owned: OwnedFile) {
    this.#owned = owned
    this.#database = owned.database
    this.#checkpoints = new SqliteCheckpoints(owned.database)
  }

  // -- writing -------------------------------------------------------------------------------------------------------

  commit = ({ runs, rows, removed, retention }: Batch): ReadonlyArray<string> =>
    this.#transaction(() => {
      for (const run of runs) this.#writeRun(run)
      for (const { table, key, text } of rows) {
        if (text === undefined) this.#run("DELETE FROM kept WHERE name = ? AND key = ?", table, key)
        else {
          const upsert = "ON CONFLICT (name, key) DO UPDATE SET text = excluded.text"
          this.#run(`INSERT INTO kept (name, key, text) VALUES (?, ?, ?) ${upsert}`, table, key, text)
        }
      }
      this.#deleteAll(removed)
      return retention === undefined ? NO_IDS : this.#retain(retention)
    })

  probe = (): void => {
    // Gives the log room again, when that can be had within the files.
    this.#checkpoints.move("PASSIVE")
    // As much as a commit may need, so that the next one does not fail again.
    this.#transaction(() => this.#run("INSERT OR REPLACE INTO meta VALUES ('probe', zeroblob(?))", PROBED_BYTES))
    this.#transaction(() => this.#run("DELETE FROM meta WHERE key = 'probe'"))
  }

  #retain({ excess, endedUntilMillis, most }: Retention): ReadonlyArray<string> {
    const oldest = this.#all(
      "SELECT serial, id FROM runs WHERE ended <= ? ORDER BY ended, serial LIMIT ?",
      Math.max(endedUntilMillis, -1e15),
      most
    )
    const found = new Map(oldest.map((row) => [row["serial"] as number, row["id"] as string]))
    if (excess > 0) {
      const first = "SELECT serial, id FROM runs WHERE ended IS NOT NULL ORDER BY ended, serial LIMIT ?"
      for (const row of this.#all(first, Math.min(excess, most)))
        found.set(row["serial"] as number, row["id"] as string)
    }
    this.#deleteAll([...found.keys()])
    return [...found.values()]
  }

  #writeRun({ serial, head, events, values, units, lists, dropped, lines, end }: RunChanges): void {
    if (head !== undefined) {
      const { id, pipelineId, submittedAtMillis, text, plan, isPlanShared } = head
      const insert =
        "INSERT INTO runs (serial, id, pipeline, submitted, text, plan_id, plan, status) VALUES (?, ?, ?, ?, ?, ?, ?, 'PENDING')"
      const planId = isPlanShared ? this.#planId(plan) : null
      this.#run(insert, serial, id, pipelineId, submittedAtMillis, text, planId, isPlanShared ? null : plan)
    }
    if (events !== undefined) {
      const { number, from, to, text } = events
      this.#run("INSERT INTO events VALUES (?, ?, ?, ?, ?)", number, serial, from, to, text)
    }
    for (const { sequence, name, json } of values) {
      this.#run("INSERT INTO long_values VALUES (?, ?, ?, ?)", serial, sequence, name, json)
    }
    for (const { step, text } of lists) this.#run("INSERT OR REPLACE INTO lists VALUES (?, ?, ?)", serial, step, text)
    for (const { step, unit, text } of units) {
      this.#run("INSERT OR REPLACE INTO units VALUES (?, ?, ?, ?)", serial, step, unit, text)
    }
    for (const step of dropped) {
      this.#run("DELETE FROM lists WHERE run = ? AND step = ?", serial, step)
      this.#run("DELETE FROM units WHERE run = ? AND step = ?", serial, step)
    }
    if (lines !== undefined) this.#writeLines(serial, lines)
    if (end !== undefined) {
      const { status, startedAtMillis = null, endedAtMillis, error = null } = end
      const update = "UPDATE runs SET status = ?, started = ?, ended = ?, error = ? WHERE serial = ?"
      this.#run(update, status, startedAtMillis, endedAtMillis, error, serial)
    }
  }

  #writeLines(serial: number, { lines, kept, dropped }: LinesRow): void {
    let last = Number(this.#get("SELECT last FROM line_counts WHERE run = ?", serial)?.["last"] ?? 0)
    for (const line of lines) this.#run("INSERT INTO lines VALUES (?, ?, ?)", serial, ++last, line)
    this.#run("DELETE FROM lines WHERE run = ? AND number <= ?", serial, last - kept)
    this.#run("INSERT OR REPLACE INTO line_counts VALUES (?, ?, ?)", serial, last, dropped)
  }

  #planId(text: string): number {
    const known = this.#plans.get(text)
    if (known !== undefined) return known
    const digest = sha256(text)
    this.#run("INSERT OR IGNORE INTO plans (digest, text) VALUES (?, ?)", digest, text)
    const id = this.#get("SELECT id FROM plans WHERE digest = ?", digest)!["id"] as number
    if (this.#plans.size >= MAX_PLANS) this.#plans.clear()
    this.#plans.set(text, id)
    return id
  }

  #deleteAll(serials: ReadonlyArray<number>): void {
    if (serials.length === 0) return
    this.#rememberNumbers()
    for (const serial of serials) {
      for (const table of OF_RUN) this.#run(`DELETE FROM ${table} WHERE run = ?`, serial)
      this.#run("DELETE FROM runs WHERE serial = ?", serial)
    }
  }

  /** Runs and changes that are deleted must not give their numbers to later ones. */
  #rememberNumbers(): void {
    for (const [key, newest] of [
      ["serial", "SELECT max(serial) FROM runs"],
      ["change", "SELECT max(number) FROM events"]
    ]) {
      const update = "ON CONFLICT (key) DO UPDATE SET value = max(value, excluded.value)"
      this.#run(`INSERT INTO meta VALUES ('${key}', coalesce((${newest}), 0)) ${update}`)
    }
  }

  /** Gives pages back to the file system, a few at a time, when many are free. Returns whether it did. */
  shrink = (): boolean => {
    const free = Number(this.#get("PRAGMA freelist_count")!["freelist_count"])
    if (free < MIN_FREE || 4 * free < Number(this.#get("PRAGMA page_count")!["page_count"])) return false
    this.#reading(() => this.#database.exec(`PRAGMA incremental_vacuum(${MAX_FREED})`))
    return true
  }

  #transaction<A>(write: () => A): A {
    let logBytes: number
    let written: A
    try {
      this.#database.exec("BEGIN IMMEDIATE")
      logBytes = this.#owned.assertOwned()
      written = write()
      this.#database.exec("COMMIT")
    } catch (error) {
      // The ids of plans may be of the transaction that failed.
      this.#plans.clear()
      try {
        this.#database.exec("ROLLBACK")
      } catch {
        // SQLite has rolled it back, or could not begin it.
      }
      throw failureOf(this.#owned.file, error)
    }
    this.#checkpoints.committed(logBytes)
    return written
  }

  // -- reading -------------------------------------------------------------------------------------------------------

  begin = (): ReturnType<Journal["begin"]> => {
    const [numbers, last] = this.#reading(() => [
      this.#get(
        `SELECT
          max(coalesce((SELECT max(serial) FROM runs), 0), coalesce((SELECT value FROM meta WHERE key = 'serial'), 0)) AS serial,
          max(coalesce((SELECT max(number) FROM events), 0), coalesce((SELECT value FROM meta WHERE key = 'change'), 0)) AS change,
          (SELECT value FROM meta WHERE key = 'epoch') AS epoch,
          max(
            coalesce((SELECT submitted FROM runs ORDER BY serial DESC LIMIT 1), 0), coalesce((SELECT max(ended) FROM runs), 0)
          ) AS at,
          (SELECT count(*) FROM runs WHERE ended IS NOT NULL) AS finished`
      )!,
      this.#get("SELECT text FROM events ORDER BY number DESC LIMIT 1")
    ])
    const events = last === undefined ? [] : (JSON.parse(last["text"] as string) as ReadonlyArray<{ atMillis: number }>)
    return {
      serial: Number(numbers["serial"]),
      change: Number(numbers["change"]),
      epoch: Number(numbers["epoch"]),
      atMillis: Math.max(Number(numbers["at"]), events.at(-1)?.atMillis ?? 0),
      finished: Number(numbers["finished"])
    }
  }

  rows = (table: TableName): ReadonlyArray<{ readonly key: string; readonly text: string }> =>
    this.#all("SELECT key, text FROM kept WHERE name = ? ORDER BY id", table) as never

  changes = (after: number): ReturnType<Journal["changes"]> =>
    this.#all(
      `SELECT number, runs.id AS runId, pipeline AS pipelineId, first AS "from", last AS "to"
       FROM events JOIN runs ON serial = run WHERE number > ? ORDER BY number`,
      after
    ) as never

  find = (runId: string): StoredRun | undefined => {
    const row = this.#get(`${RUNS} WHERE runs.id = ?`, runId)
    return row && this.#toRun(row)
  }

  /** The serial number of the first run that was submitted at an instant or later. Runs are numbered as they are submitted. */
  #firstFrom(atMillis: number, before: number): number {
    let low = 0
    let high = Math.min(before, Number(this.#get("SELECT max(serial) AS n FROM runs")?.["n"] ?? 0) + 1)
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const row = this.#get("SELECT serial, submitted FROM runs WHERE serial >= ? ORDER BY serial LIMIT 1", middle)
      if (row === undefined || (row["submitted"] as number) >= atMillis) high = middle
      else low = (row["serial"] as number) + 1
    }
    return low
  }

  *unfinished(): Iterable<StoredRun> {
    let serial = 0
    for (;;) {
      const page = this.#all(`${RUNS} WHERE ended IS NULL AND serial > ? ORDER BY serial LIMIT ${PAGE}`, serial)
      for (const row of page) {
        const run = this.#toRun(row)
        serial = run.serial
        yield run
      }
      if (page.length < PAGE) return
    }
  }

  *before(serial: number, untilMillis: number | undefined, pipelineId: string | undefined): Iterable<StoredEntry> {
    let before = Math.min(serial, Number.MAX_SAFE_INTEGER)
    if (untilMillis !== undefined) before = Math.min(before, this.#firstFrom(untilMillis, before))
    const columns = "serial, id, pipeline, submitted, status, started, ended, error"
    const ofPipeline = pipelineId === undefined ? "" : "pipeline = ? AND"
    for (;;) {
      const page = this.#all(
        `SELECT ${columns} FROM runs WHERE ${ofPipeline} serial < ? ORDER BY serial DESC LIMIT ${PAGE}`,
        ...(pipelineId === undefined ? [] : [pipelineId]),
        before
      )
      for (const row of page) {
        before = row["serial"] as number
        yield toEntry(row)
      }
      if (page.length < PAGE) return
    }
  }

  #toRun(row: Row): StoredRun {
    const serial = row["serial"] as number
    const of = <A>(columns: string, table: string): ReadonlyArray<A> =>
      this.#all(`SELECT ${columns} FROM ${table} WHERE run = ?`, serial) as never
    return {
      serial,
      id: row["id"] as string,
      pipelineId: row["pipeline"] as string,
      status: row["status"] as RunStatus,
      text: row["text"] as string,
      plan: row["plan"] as string,
      endedAtMillis: (row["ended"] as number | null) ?? undefined,
      events: () =>
        this.#all(
          `SELECT first AS "from", last AS "to", text FROM events WHERE run = ? ORDER BY first`,
          serial
        ) as never,
      values: () => of<ValueRow>("sequence, name, json", "long_values"),
      units: () => of<UnitRow>("step, unit, text", "units"),
      lists: () => of("step, text", "lists"),
      lines: () => {
        const count = this.#get("SELECT dropped FROM line_counts WHERE run = ?", serial)
        if (count === undefined) return NO_LINES
        const rows = this.#all("SELECT text FROM lines WHERE run = ? ORDER BY number", serial)
        const lines = rows.map(({ text }) => text as string)
        return { lines, kept: lines.length, dropped: count["dropped"] as number }
      }
    }
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#database.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }

  #run(sql: string, ...values: ReadonlyArray<SQLInputValue>): void {
    this.#statement(sql).run(...values)
  }

  #get(sql: string, ...values: ReadonlyArray<SQLInputValue>): Row | undefined {
    return this.#reading(() => this.#statement(sql).get(...values))
  }

  #all(sql: string, ...values: ReadonlyArray<SQLInputValue>): ReadonlyArray<Row> {
    return this.#reading(() => this.#statement(sql).all(...values))
  }

  #reading<A>(read: () => A): A {
    try {
      return read()
    } catch (error) {
      throw failureOf(this.#owned.file, error)
    }
  }
}

const RUNS = `SELECT serial, runs.id, pipeline, status, ended, runs.text, coalesce(runs.plan, plans.text) AS plan
  FROM runs LEFT JOIN plans ON plans.id = plan_id`

const NO_IDS: ReadonlyArray<string> = []
const NO_LINES: LinesRow = { lines: [], kept: 0, dropped: 0 }

const toEntry = (row: Row): StoredEntry => ({
  serial: row["serial"] as number,
  id: row["id"] as string,
  pipelineId: row["pipeline"] as string,
  submittedAtMillis: row["submitted"] as number,
  status: row["status"] as RunStatus,
  startedAtMillis: (row["started"] as number | null) ?? undefined,
  endedAtMillis: (row["ended"] as number | null) ?? undefined,
  error: (row["error"] as string | null) ?? undefined
})
