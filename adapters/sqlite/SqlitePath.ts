/** The one path of a file: two Stores that name it differently must see that it is the same. */
import { lstatSync, mkdirSync, readlinkSync, realpathSync, type Stats, statSync } from "node:fs"
import { basename, dirname, join, resolve } from "node:path"
import { StoreUnavailable } from "../../core/values/Errors.ts"
import { failureOf } from "./SqliteFailure.ts"

/** The path of a file, with all links followed; its folder is made. Throws `StoreUnavailable` when no Store can be there. */
export const pathOf = (file: string): string => {
  try {
    const path = followed(resolve(file), MAX_LINKS)
    const stats = statSync(path, { throwIfNoEntry: false })
    if (stats !== undefined) assertUsable(file, stats)
    const log = statSync(`${path}-wal`, { throwIfNoEntry: false })
    if (stats?.size === 0 && log !== undefined && log.size > 0) {
      throw new StoreUnavailable(
        `The file '${file}' is empty, but its '-wal' has changes: it was cut. Restore it from a backup, or delete both`
      )
    }
    return path
  } catch (error) {
    throw failureOf(file, error)
  }
}

/** How many links lead to a file at most. */
const MAX_LINKS = 40

/** `realpath`, also of a file that does not exist. */
const followed = (path: string, links: number): string => {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined) {
    const folder = dirname(path)
    mkdirSync(folder, { recursive: true })
    return join(realpathSync(folder), basename(path))
  }
  if (!stats.isSymbolicLink() || links === 0 || statSync(path, { throwIfNoEntry: false }) !== undefined) {
    return realpathSync(path)
  }
  return followed(resolve(realpathSync(dirname(path)), readlinkSync(path)), links - 1)
}

const assertUsable = (file: string, stats: Stats): void => {
  if (stats.isDirectory()) throw new StoreUnavailable(`'${file}' is a folder. Name a file in it`)
  if (!stats.isFile()) throw new StoreUnavailable(`'${file}' is no regular file. Name another file`)
  if (stats.nlink > 1) {
    throw new StoreUnavailable(
      `The file '${file}' has ${stats.nlink} names (hard links), and SQLite would lose changes that are made under different ones. Copy it with SqliteStore.backup, and use the copy`
    )
  }
}
