/** Copies the file of a Store while its owner goes on. */
import { linkSync, lstatSync, renameSync, rmSync } from "node:fs"
import type { DatabaseSync } from "node:sqlite"
import { StoreUnavailable } from "../../core/values/Errors.ts"
import { APPLICATION_ID } from "./Schema.ts"
import { failureOf } from "./SqliteFailure.ts"

type Sqlite = typeof import("node:sqlite")

/** Copies a file to a new one, which has its name only once it is complete. Fails with what the system says of the new one. */
export const copy = async (sqlite: Sqlite, file: string, to: string): Promise<void> => {
  assertNew(to)
  const source = sourceOf(sqlite, file)
  const part = `${to}.${crypto.randomUUID()}.part`
  try {
    // All pages in one step: each change by the owner would begin a copy in steps anew.
    await sqlite.backup(source, part, { rate: 2 ** 31 - 1 })
    makeIndependent(sqlite, part)
    publish(part, to)
  } finally {
    source.close()
    for (const end of ["", "-journal", "-wal", "-shm"]) rmSync(part + end, { force: true })
  }
}

const assertNew = (to: string): void => {
  if (lstatSync(to, { throwIfNoEntry: false }) !== undefined) throw exists(to)
}

const exists = (to: string): StoreUnavailable =>
  new StoreUnavailable(`The file '${to}' exists already. A backup overwrites no file: choose another name`)

const sourceOf = (sqlite: Sqlite, file: string): DatabaseSync => {
  let source: DatabaseSync | undefined
  try {
    source = new sqlite.DatabaseSync(file, { readOnly: true })
    const { application_id: application } = source.prepare("PRAGMA application_id").get()!
    if (application === APPLICATION_ID) return source
  } catch (error) {
    source?.close()
    throw failureOf(file, error)
  }
  source.close()
  throw new StoreUnavailable(`The file '${file}' was not made by Levada`)
}

/**
 * Makes the copy a Store of its own. Its feed gets a new epoch, because later changes of the owner and of the copy have the same
 * numbers. It counts as closed, so running steps count no lost worker: no process was killed while it owned the copy.
 */
const makeIndependent = (sqlite: Sqlite, part: string): void => {
  const database = new sqlite.DatabaseSync(part)
  try {
    // Without a log the copy is one file. Its first owner gives it one.
    database.exec("PRAGMA journal_mode = DELETE")
    const epoch = `abs(random() % ${Number.MAX_SAFE_INTEGER})`
    database.exec(`INSERT OR REPLACE INTO meta VALUES ('epoch', ${epoch}), ('closed', 1)`)
  } finally {
    database.close()
  }
}

/** Gives a complete copy its name. A link replaces no file, not even one that another program has just made. */
const publish = (part: string, to: string): void => {
  try {
    linkSync(part, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw exists(to)
    // The file system has no links.
    assertNew(to)
    renameSync(part, to)
  }
}
