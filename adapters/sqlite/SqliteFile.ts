/** Opens the file of a Store: one process owns it, and its tables have the version of this code. */
import { mkdirSync, statSync } from "node:fs"
import { dirname } from "node:path"
import process from "node:process"
import type { DatabaseSync } from "node:sqlite"
import { StoreUnavailable } from "../../core/values/Errors.ts"
import { APPLICATION_ID, stepsFrom, VERSION } from "./Schema.ts"
import { toUnavailable } from "./SqliteJournal.ts"
import { ToldFile } from "./ToldFile.ts"

type Sqlite = typeof import("node:sqlite")

/** When a commit counts as durable. See `SqliteStore.Options`. */
export type Synchronous = "full" | "normal" | "off"

/** A file that this process owns. */
export interface OwnedFile {
  readonly database: DatabaseSync
  /** Whether the process that owned it before ended without closing it. */
  readonly isLoss: boolean
  readonly told: ToldFile
  /** Throws when the file was deleted or replaced: what is written to it now would be lost. */
  readonly assertPresent: () => void
  /** Closes it, and lets other processes own it. */
  readonly close: () => void
}

/** How long a commit waits for another program that writes to the file, in milliseconds: the thread is blocked meanwhile. */
const BUSY_MILLIS = 1_000

/** How large a file is checked from end to end when it is opened, in bytes. */
const MAX_CHECKED = 1 << 28

/** Opens or makes a file. `nowMillis`: of a new file. Throws `StoreUnavailable`. */
export const own = (sqlite: Sqlite, file: string, synchronous: Synchronous, nowMillis: number): OwnedFile => {
  const isInMemory = file === ":memory:"
  if (!isInMemory) makeFolder(file)
  const lock = isInMemory ? undefined : lockOf(sqlite, file)
  let database: DatabaseSync | undefined
  let told: ToldFile | undefined
  try {
    database = new sqlite.DatabaseSync(file, { timeout: BUSY_MILLIS } as object)
    assertReadable(database, file)
    // Of a new file; it has no effect on others.
    database.exec("PRAGMA auto_vacuum = INCREMENTAL")
    database.exec("PRAGMA journal_mode = WAL")
    database.exec(`PRAGMA synchronous = ${synchronous}`)
    migrate(database, nowMillis)
    const isLoss = take(database)
    const epoch = Number(database.prepare("SELECT value FROM meta WHERE key = 'epoch'").get()!["value"])
    told = new ToldFile(isInMemory ? undefined : `${file}-told`, epoch)
    const opened = database
    const { ino } = isInMemory ? { ino: 0 } : statSync(file)
    return {
      database,
      isLoss,
      told,
      assertPresent: () => {
        if (isInMemory || statSync(file, { throwIfNoEntry: false })?.ino === ino) return
        throw new StoreUnavailable(`The file '${file}' was deleted or replaced while it was in use. Start again`)
      },
      close: () => {
        try {
          opened.exec("UPDATE meta SET value = 1 WHERE key = 'closed'")
          opened.exec("PRAGMA optimize")
        } catch {
          // The next owner treats the file as after a crash.
        }
        opened.close()
        told?.close()
        lock?.close()
      }
    }
  } catch (error) {
    close(database)
    told?.close()
    close(lock)
    throw error instanceof StoreUnavailable ? error : unavailable(file, error)
  }
}

const makeFolder = (file: string): void => {
  try {
    mkdirSync(dirname(file), { recursive: true })
  } catch (error) {
    throw unavailable(file, error)
  }
}

/**
 * Holds a lock on a file beside the Store's file as long as the process lives: the operating system drops it with the process,
 * however that ends. Reading the Store's file needs no lock.
 */
const lockOf = (sqlite: Sqlite, file: string): DatabaseSync => {
  let lock: DatabaseSync | undefined
  try {
    lock = new sqlite.DatabaseSync(`${file}-owner`)
    lock.exec("PRAGMA busy_timeout = 0")
    lock.exec("BEGIN EXCLUSIVE")
    return lock
  } catch (error) {
    close(lock)
    const isLocked = error instanceof Error && /lock|busy/i.test(error.message)
    throw isLocked ? new StoreUnavailable(ownedBy(sqlite, file)) : unavailable(file, error)
  }
}

const ownedBy = (sqlite: Sqlite, file: string): string => {
  let pid: unknown
  let reader: DatabaseSync | undefined
  try {
    reader = new sqlite.DatabaseSync(file, { readOnly: true })
    pid = reader.prepare("SELECT value FROM meta WHERE key = 'pid'").get()?.["value"]
  } catch {
    // The owner is just making the file.
  }
  close(reader)
  const owner = pid === undefined ? "another process" : `the process ${String(pid)}`
  return `The file '${file}' is in use by ${owner}. One process at a time may own it: stop that one, or use another file, or a Store on Redis`
}

/** Refuses files that are damaged, of another program or of a later version. */
const assertReadable = (database: DatabaseSync, file: string): void => {
  const pragma = (name: string): unknown => Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]
  const version = Number(pragma("user_version"))
  const application = Number(pragma("application_id"))
  const tables = Number(database.prepare("SELECT count(*) AS n FROM sqlite_schema").get()!["n"])
  if (tables > 0 && application !== APPLICATION_ID) {
    throw new StoreUnavailable(`The file '${file}' is an SQLite file of another program. Name another file`)
  }
  if (version > VERSION) {
    throw new StoreUnavailable(
      `The file '${file}' has version ${version}, and this version of Levada reads files up to version ${VERSION}. Install a later version`
    )
  }
  if (Number(pragma("page_count")) * Number(pragma("page_size")) > MAX_CHECKED) return
  const problem = pragma("quick_check(1)")
  if (problem !== "ok") {
    throw new StoreUnavailable(`The file '${file}' is damaged: ${String(problem)}. Restore it from a backup`)
  }
}

const migrate = (database: DatabaseSync, nowMillis: number): void => {
  const version = Number(database.prepare("PRAGMA user_version").get()!["user_version"])
  if (version === VERSION) return
  database.exec("BEGIN IMMEDIATE")
  for (const step of stepsFrom(version)) database.exec(step)
  database.exec(`PRAGMA user_version = ${VERSION}`)
  database.exec(`PRAGMA application_id = ${APPLICATION_ID}`)
  if (version === 0) database.prepare("INSERT INTO meta VALUES ('epoch', ?), ('closed', 1)").run(nowMillis)
  database.exec("COMMIT")
}

/** Writes down who owns the file. Returns whether the owner before ended without closing it. */
const take = (database: DatabaseSync): boolean => {
  const isClosed = database.prepare("SELECT value FROM meta WHERE key = 'closed'").get()?.["value"] === 1
  database.exec("BEGIN IMMEDIATE")
  database.prepare("INSERT OR REPLACE INTO meta VALUES ('pid', ?), ('closed', 0)").run(process.pid)
  database.exec("COMMIT")
  return !isClosed
}

const close = (database: DatabaseSync | undefined): void => {
  try {
    database?.close()
  } catch {
    // It was never open.
  }
}

const unavailable = (file: string, error: unknown): StoreUnavailable =>
  new StoreUnavailable(`The file '${file}' can't be opened: ${toUnavailable(error).message}`)
