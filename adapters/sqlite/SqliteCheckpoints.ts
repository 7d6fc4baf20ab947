/**
 * Bounds the log of newest changes (`-wal`). SQLite moves them into the file by itself, and begins the log anew when no other program
 * reads from it at that moment. Readers that follow each other without a gap would let it grow for ever.
 */
import type { DatabaseSync } from "node:sqlite"

/** After how many commits the length of the log is looked at. */
const COMMITS = 256

/** From how many pages on readers are waited for: then the log is about 64 MiB. And for how long, in milliseconds. */
const MANY_PAGES = 1 << 14
const WAIT_MILLIS = 100

export class SqliteCheckpoints {
  readonly #database: DatabaseSync
  #commits = 0
  /** At how many pages readers are waited for next: for one that stays, once per `MANY_PAGES`. */
  #waitAt = MANY_PAGES

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  /** A transaction was committed. */
  committed(): void {
    if (++this.#commits >= COMMITS) this.begin()
  }

  /** Moves changes into the file. What fails here fails no caller: the changes stay in the log. */
  begin(): void {
    this.#commits = 0
    try {
      const pages = this.#checkpoint("PASSIVE")
      if (pages < MANY_PAGES) this.#waitAt = MANY_PAGES
      if (pages < this.#waitAt) return
      this.#waitAt = pages + MANY_PAGES
      const { timeout } = this.#database.prepare("PRAGMA busy_timeout").get()!
      this.#database.exec(`PRAGMA busy_timeout = ${WAIT_MILLIS}`)
      try {
        this.#checkpoint("RESTART")
      } finally {
        this.#database.exec(`PRAGMA busy_timeout = ${Number(timeout)}`)
      }
    } catch {
      // A disk that is full, or that fails: the next commit will tell.
    }
  }

  /** Returns how many pages the log has. */
  #checkpoint(mode: "PASSIVE" | "RESTART"): number {
    return Number(this.#database.prepare(`PRAGMA wal_checkpoint(${mode})`).get()!["log"])
  }
}
