/** Copies the file of a Store while its owner goes on. */
import { existsSync, renameSync, rmSync } from "node:fs"
import type { DatabaseSync } from "node:sqlite"
import { StoreUnavailable } from "../../core/values/Errors.ts"
import { APPLICATION_ID } from "./Schema.ts"
import { toUnavailable } from "./SqliteFailure.ts"

type Sqlite = typeof import("node:sqlite")

/** Copies a file to a new one, which has its name only once it is complete. Fails with what the system says of the new one. */
export const copy = async (sqlite: Sqlite, file: string, to: string): Promise<void> => {
  assertNew(to)
  const source = sourceOf(sqlite, file)
  const part = `${to}.${crypto.randomUUID()}.part`
  try {
    // All pages in one step: each change by the owner would begin a copy in steps anew.
    await sqlite.backup(source, part, { rate: 2 ** 31 - 1 })
    // Another program may have made it meanwhile.
    assertNew(to)
    renameSync(part, to)
  } finally {
    source.close()
    for (const end of ["", "-journal", "-wal", "-shm"]) rmSync(part + end, { force: true })
  }
}

const assertNew = (to: string): void => {
  if (existsSync(to)) throw new StoreUnavailable(`The file '${to}' exists, and a backup replaces none: name a new file`)
}

const sourceOf = (sqlite: Sqlite, file: string): DatabaseSync => {
  let source: DatabaseSync | undefined
  try {
    source = new sqlite.DatabaseSync(file, { readOnly: true })
    const { application_id: application } = source.prepare("PRAGMA application_id").get()!
    if (application === APPLICATION_ID) return source
  } catch (error) {
    source?.close()
    throw toUnavailable(file, error)
  }
  source.close()
  throw new StoreUnavailable(`The file '${file}' is no file of a Store`)
}
