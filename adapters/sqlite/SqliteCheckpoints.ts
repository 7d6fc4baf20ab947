/**
 * Bounds the log of newest changes (`-wal`). SQLite moves them into the file by itself, and begins the log anew when no other program
 * reads from it at that moment. Readers that follow each other without a gap would let it grow for ever.
 */
import type { DatabaseSync } from "node:sqlite"

/** From this log size on (bytes), a checkpoint waits for readers, at most so many milliseconds. */
const LONG = 1 << 26
const WAIT_MILLIS = 100

export class SqliteCheckpoints {
  readonly #database: DatabaseSync
  /** The log size at which a checkpoint waits next. While one reader stays, that is once per `LONG`. */
  #waitAt = LONG

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  /** A transaction was committed to a log of this size, in bytes. */
  committed(logBytes: number): void {
    if (logBytes < this.#waitAt) {
      if (logBytes < LONG) this.#waitAt = LONG
      return
    }
    this.#waitAt = logBytes + LONG
    const { timeout } = this.#database.prepare("PRAGMA busy_timeout").get()!
    this.#database.exec(`PRAGMA busy_timeout = ${WAIT_MILLIS}`)
    this.move("RESTART")
    this.#database.exec(`PRAGMA busy_timeout = ${Number(timeout)}`)
  }

  /** Moves changes into the file; `RESTART`: waits for readers, so that the log begins anew. */
  move(mode: "PASSIVE" | "RESTART"): void {
    try {
      this.#database.exec(`PRAGMA wal_checkpoint(${mode})`)
    } catch {
      // A disk that is full, or that fails. The changes stay in the log: no caller is concerned.
    }
  }
}
