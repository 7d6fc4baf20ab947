/**
 * A process under load that may be killed at any instant. It appends what happens to a ledger, which the kill does not undo: each
 * line begins with the bytes that the write-ahead log of the file has then. Run it:
 * `node test/sqlite/Victim.ts <file> <ledger> <seed>`; without a seed it starts nothing and ends with the last unfinished run. It prints
 * `ready` once its Store is open. With `CHECKPOINTS=no` all changes stay in the log.
 */
import { openSync, statSync, writeSync } from "node:fs"
import * as sqlite from "node:sqlite"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Access, Levada } from "../../adapters/promise/index.ts"
import { SqliteStore } from "../../adapters/sqlite/index.ts"
import * as SqliteFile from "../../adapters/sqlite/SqliteFile.ts"
import { SqliteJournal } from "../../adapters/sqlite/SqliteJournal.ts"
import * as DurableStore from "../../core/memory/DurableStore.ts"
import { Store } from "../../core/store/Store.ts"
import { load, pipelinesOf, type Tell } from "./Load.ts"

const [file, ledger, seed] = process.argv.slice(2)
const written = openSync(ledger!, "a")
const tell: Tell = (...line) => {
  const walBytes = statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0
  writeSync(written, `${JSON.stringify([walBytes, ...line])}\n`)
}

/** A Store that never moves changes from the log into the file. */
const withoutCheckpoints = (path: string) =>
  Layer.effect(
    Store,
    Effect.gen(function* () {
      const owned = SqliteFile.own(sqlite, path, "full", Date.now())
      owned.database.exec("PRAGMA wal_autocheckpoint = 0")
      return yield* DurableStore.make({ historyCount: 1_000_000 }, new SqliteJournal(owned), owned.isLoss)
    })
  )

const pipelines = pipelinesOf(tell)
const levada = Levada.make({
  pipelines: Object.values(pipelines),
  access: Access.open,
  store:
    process.env["CHECKPOINTS"] === "no"
      ? withoutCheckpoints(file!)
      : SqliteStore.layer({ file: file!, historyCount: 1_000_000 })
})
await levada.ready
writeSync(1, "ready\n")

if (seed === undefined) {
  const isUnfinished = async (): Promise<boolean> =>
    (await levada.runs({ statuses: ["PENDING", "RUNNING"], limit: 1 })).runs.length > 0
  while (await isUnfinished()) await new Promise((resolve) => setTimeout(resolve, 20))
  await levada.close()
} else await load(levada, pipelines, tell, Number(seed))
