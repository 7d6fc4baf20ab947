/** Failures of a file, for people: which file, what SQLite or the system says, and what to do. */
import { StoreUnavailable } from "../../core/values/Errors.ts"

/** What to do about an error with such a message. */
const ADVICE: ReadonlyArray<readonly [cause: RegExp, advice: string]> = [
  [/disk is full|ENOSPC|EDQUOT/i, "Make room on its disk"],
  [/malformed/i, "It is damaged: restore it from a backup"],
  [/not a database/i, "It is not an SQLite file: name another file"],
  [/readonly|read-only|EROFS|EACCES|EPERM/i, "Give this program write access to the file and its folder"],
  [/locked|busy/i, "Another program has locked it: stop that program"],
  [/unable to open|ENOENT|ENOTDIR|EEXIST|ELOOP/i, "Its folder must exist, and this program needs write access to it"],
  [/I\/O/i, "Make room on its disk, and check that the disk works and the files beside it are still there"]
]

/** The failure for an error of SQLite or of the file system. */
export const failureOf = (file: string, error: unknown): StoreUnavailable => {
  if (error instanceof StoreUnavailable) return error
  const message = error instanceof Error ? error.message : String(error)
  const advice = ADVICE.find(([cause]) => cause.test(message))?.[1]
  return new StoreUnavailable(`The file '${file}' of the Store failed: ${message}${advice ? `. ${advice}` : ""}`)
}
