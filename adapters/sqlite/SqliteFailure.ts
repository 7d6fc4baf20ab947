/** Failures of a file, for people: which file, what SQLite or the system says, and what to do. */
import { StoreUnavailable } from "../../core/values/Errors.ts"

/** What to do about an error with such a message. */
const WAYS_OUT: ReadonlyArray<readonly [cause: RegExp, wayOut: string]> = [
  [/disk is full|ENOSPC|EDQUOT/i, "Make room on its disk"],
  [/malformed/i, "It is damaged: restore it from a backup"],
  [/not a database/i, "It is no SQLite file: name another file"],
  [/readonly|read-only|EROFS|EACCES|EPERM/i, "This program has to be allowed to write to it and to its folder"],
  [/locked|busy/i, "Another program writes to it: end that one"],
  [
    /unable to open|ENOENT|ENOTDIR|EEXIST|ELOOP/i,
    "Its folder has to exist, and this program has to be allowed to write to it"
  ],
  [/I\/O/i, "Make room on its disk, and check that the disk works and the files beside it are still there"]
]

/** The failure for an error of SQLite or of the file system. */
export const toUnavailable = (file: string, error: unknown): StoreUnavailable => {
  if (error instanceof StoreUnavailable) return error
  const message = error instanceof Error ? error.message : String(error)
  const wayOut = WAYS_OUT.find(([cause]) => cause.test(message))?.[1]
  return new StoreUnavailable(`The file '${file}' of the Store failed: ${message}${wayOut ? `. ${wayOut}` : ""}`)
}
