/** Moves the newest changes from the log (`-wal`) into the file, from time to time: then the log begins anew. */
import type { DatabaseSync } from "node:sqlite"

/** After how many commits the log is looked at. Most have 10 to 20 pages. */
const COMMITS = 50

/** From how many pages on readers are waited for: then the log is about 64 MiB. And for how long, in milliseconds. */
const MANY_PAGES = 1 << 14
const WAIT_MILLIS = 100

export class SqliteCheckpoints {
  readonly #database: DatabaseSync
  #commits = 0
  /** At how many pages readers are waited for next. One that stays is waited for once per `MANY_PAGES`. */
  #waitAt = MANY_PAGES

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  /** A transaction was committed. */
  committed(): void {
    if (++this.#commits >= COMMITS) this.run()
  }

  /** What fails here fails nobody: the changes stay in the log. */
  run(): void {
    this.#commits = 0
    try {
      const pages = this.#checkpoint("PASSIVE")
      if (pages < this.#waitAt) {
        if (pages < MANY_PAGES) this.#waitAt = MANY_PAGES
        return
      }
      // Readers that follow each other keep the log from beginning anew, unless new ones wait for a moment.
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
