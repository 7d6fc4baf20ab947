/** Opens the file of a Store: one process owns it, and its tables have the version of this code. */
import { statSync } from "node:fs"
import process from "node:process"
import type { DatabaseSync } from "node:sqlite"
import { StoreUnavailable } from "../../core/values/Errors.ts"
import { APPLICATION_ID, STEPS } from "./Schema.ts"
import { failureOf } from "./SqliteFailure.ts"
import { pathOf } from "./SqlitePath.ts"

type Sqlite = typeof import("node:sqlite")

/** When a commit counts as durable. See `SqliteStore.Options`. */
export type Synchronous = "full" | "normal" | "off"

/** A file that this process owns. */
export interface OwnedFile {
  /** Its path, as messages name it. */
  readonly file: string
  readonly database: DatabaseSync
  /** Whether the process that owned it before ended without closing it. */
  readonly isLoss: boolean
  /**
   * Throws if the file was deleted or replaced, or another process owns it: a write would be lost. Call it in each transaction that
   * writes. Returns the size of the log of newest changes, in bytes.
   */
  readonly assertOwned: () => number
  /** Closes it, and lets other processes own it. */
  readonly close: () => void
}

/** How long a commit waits for another program that writes to the file, in milliseconds: the thread is blocked meanwhile. */
const BUSY_MILLIS = 1_000

/** How large a file is checked from end to end when it is opened, in bytes. */
const MAX_CHECKED = 1 << 28

/** To which size the log of newest changes shrinks once it begins anew, in bytes. */
const MAX_KEPT_LOG = 1 << 24

/**
 * Opens or makes a file. `nowMillis`: of a new file. `steps`: what makes each version of the tables from the one before. Throws
 * `StoreUnavailable`.
 */
export const own = (
  sqlite: Sqlite,
  file: string,
  synchronous: Synchronous,
  nowMillis: number,
  steps: ReadonlyArray<string> = STEPS
): OwnedFile => {
  const isInMemory = file === ":memory:"
  const path = isInMemory ? file : pathOf(file)
  const lock = isInMemory ? undefined : lockOf(sqlite, file, path)
  let database: DatabaseSync | undefined
  try {
    const opened = new sqlite.DatabaseSync(path, { timeout: BUSY_MILLIS } as object)
    database = opened
    assertReadable(opened, file, steps.length)
    // SQLite accepts this only before the first table.
    if (opened.prepare("PRAGMA page_count").get()!["page_count"] === 0) opened.exec("PRAGMA auto_vacuum = INCREMENTAL")
    if (!isInMemory) useLog(opened, file)
    opened.exec(`PRAGMA synchronous = ${synchronous}`)
    if (synchronous === "full") syncToDisk(opened)
    opened.exec(`PRAGMA journal_size_limit = ${MAX_KEPT_LOG}`)
    migrate(opened, nowMillis, steps)
    const owner = crypto.randomUUID()
    const isLoss = take(opened, owner)
    const ownerNow = opened.prepare("SELECT value FROM meta WHERE key = 'owner'")
    const assertPresent = isInMemory ? () => 0 : presenceOf(file, path)
    return {
      file,
      database: opened,
      isLoss,
      assertOwned: () => {
        const logBytes = assertPresent()
        if (ownerNow.get()?.["value"] === owner) return logBytes
        throw new StoreUnavailable(
          `The file '${file}' was taken by ${ownerOf(opened)}. Start again, once that has ended`
        )
      },
      close: () => {
        try {
          const isOwner = "(SELECT value FROM meta WHERE key = 'owner') = ?"
          opened.prepare(`UPDATE meta SET value = 1 WHERE key = 'closed' AND ${isOwner}`).run(owner)
          opened.exec("PRAGMA optimize")
        } catch {
          // The next owner treats the file as after a crash.
        }
        close(opened)
        close(lock)
      }
    }
  } catch (error) {
    close(database)
    close(lock)
    throw failureOf(file, error)
  }
}

/** Has SQLite write changes to a log (`-wal`): else programs that read hold up the owner. SQLite only answers that it could not. */
const useLog = (database: DatabaseSync, file: string): void => {
  const { journal_mode: mode } = database.prepare("PRAGMA journal_mode = WAL").get()!
  if (mode === "wal") return
  throw new StoreUnavailable(
    `The file '${file}' can't have a write-ahead log: SQLite answers '${String(mode)}'. Its file system may lack shared memory: put the file on a local disk`
  )
}

/**
 * On macOS `fsync` leaves changes in the cache of the disk, which a power failure empties: SQLite has to ask for `F_FULLFSYNC`. These
 * have no effect on other systems.
 */
const syncToDisk = (database: DatabaseSync): void =>
  database.exec("PRAGMA fullfsync = 1; PRAGMA checkpoint_fullfsync = 1")

/** Throws when the file, or the log of its newest changes, is no longer the one that is open. Returns the size of the log. */
const presenceOf = (file: string, path: string): (() => number) => {
  const look = (at: string) => statSync(at, { throwIfNoEntry: false })
  const [inode, inodeOfLog] = [look(path)?.ino, look(`${path}-wal`)?.ino]
  return () => {
    const log = look(`${path}-wal`)
    if (look(path)?.ino === inode && log?.ino === inodeOfLog) return log?.size ?? 0
    throw new StoreUnavailable(
      `The file '${file}' or its '-wal' was deleted or replaced while it was in use. Put it back, or start again`
    )
  }
}

/**
 * Holds a lock on a file beside the Store's file as long as the process lives: the operating system drops it with the process,
 * however that ends. Reading the Store's file needs no lock. A program that reads the lock's file drops it too: therefore each
 * transaction looks whether this process still owns the Store's file.
 */
const lockOf = (sqlite: Sqlite, file: string, path: string): DatabaseSync => {
  let lock: DatabaseSync | undefined
  try {
    lock = new sqlite.DatabaseSync(`${path}-owner`)
    lock.exec("PRAGMA busy_timeout = 0")
    lock.exec("BEGIN EXCLUSIVE")
    return lock
  } catch (error) {
    close(lock)
    const isLocked = error instanceof Error && /lock|busy/i.test(error.message)
    throw isLocked ? new StoreUnavailable(inUse(sqlite, file, path)) : failureOf(file, error)
  }
}

const inUse = (sqlite: Sqlite, file: string, path: string): string => {
  let owner = "another process"
  let reader: DatabaseSync | undefined
  try {
    reader = new sqlite.DatabaseSync(path, { readOnly: true })
    owner = ownerOf(reader)
  } catch {
    // The owner is just making the file.
  }
  close(reader)
  return `The file '${file}' is in use by ${owner}. One process at a time may own it: stop that one, or use another file, or a Store on Redis`
}

const ownerOf = (database: DatabaseSync): string => {
  const pid = database.prepare("SELECT value FROM meta WHERE key = 'pid'").get()?.["value"]
  return pid === undefined ? "another process" : `the process ${String(pid)}`
}

/** Refuses files that are damaged, of another program or of a later version. */
const assertReadable = (database: DatabaseSync, file: string, latest: number): void => {
  const pragma = (name: string): unknown => Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]
  const version = Number(pragma("user_version"))
  const application = Number(pragma("application_id"))
  const tables = Number(database.prepare("SELECT count(*) AS n FROM sqlite_schema").get()!["n"])
  if (tables > 0 && application !== APPLICATION_ID) {
    throw new StoreUnavailable(`The file '${file}' is an SQLite file of another program. Name another file`)
  }
  if (version > latest) {
    throw new StoreUnavailable(
      `The file '${file}' has version ${version}, and this version of Levada reads files up to version ${latest}. Install a later version`
    )
  }
  if (Number(pragma("page_count")) * Number(pragma("page_size")) > MAX_CHECKED) return
  const problem = pragma("integrity_check(1)")
  if (problem !== "ok") {
    throw new StoreUnavailable(`The file '${file}' is damaged: ${String(problem)}. Restore it from a backup`)
  }
}

/** Brings the tables to the latest version, in one transaction. */
const migrate = (database: DatabaseSync, nowMillis: number, steps: ReadonlyArray<string>): void => {
  const version = Number(database.prepare("PRAGMA user_version").get()!["user_version"])
  if (version === steps.length) return
  database.exec("BEGIN IMMEDIATE")
  for (const step of steps.slice(version)) database.exec(step)
  database.exec(`PRAGMA user_version = ${steps.length}`)
  database.exec(`PRAGMA application_id = ${APPLICATION_ID}`)
  if (version === 0) database.prepare("INSERT INTO meta VALUES ('epoch', ?), ('closed', 1)").run(nowMillis)
  database.exec("COMMIT")
}

/** Writes down who owns the file. Returns whether the owner before ended without closing it. */
const take = (database: DatabaseSync, owner: string): boolean => {
  database.exec("BEGIN IMMEDIATE")
  const isClosed = database.prepare("SELECT value FROM meta WHERE key = 'closed'").get()?.["value"] === 1
  const write = "INSERT OR REPLACE INTO meta VALUES ('pid', ?), ('owner', ?), ('closed', 0)"
  database.prepare(write).run(process.pid, owner)
  database.exec("COMMIT")
  return !isClosed
}

const close = (database: DatabaseSync | undefined): void => {
  try {
    database?.close()
  } catch {
    // It was never open, or its disk fails.
  }
}
