/**
 * A process under load that may be killed at any instant. It appends what happens to a ledger, which the kill does not undo: each
 * line begins with the bytes that the write-ahead log of the file has then. Run it:
 * `node test/sqlite/Victim.ts <file> <ledger> <seed>`; without a seed it starts nothing and ends with the last unfinished run. It prints
 * `ready` once its Store is open.
 */
import { openSync, statSync, writeSync } from "node:fs"
import { Access, Levada } from "../../adapters/promise/index.ts"
import { SqliteStore } from "../../adapters/sqlite/index.ts"
import { load, pipelinesOf, type Tell } from "./Load.ts"

const [file, ledger, seed] = process.argv.slice(2)
const written = openSync(ledger!, "a")
const tell: Tell = (...line) => {
  const walBytes = statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0
  writeSync(written, `${JSON.stringify([walBytes, ...line])}\n`)
}

const pipelines = pipelinesOf(tell)
const levada = Levada.make({
  pipelines: Object.values(pipelines),
  access: Access.open,
  store: SqliteStore.layer({ file: file!, historyCount: 1_000_000 })
})
await levada.ready
writeSync(1, "ready\n")

if (seed === undefined) {
  const isUnfinished = async (): Promise<boolean> =>
    (await levada.runs({ statuses: ["PENDING", "RUNNING"], limit: 1 })).runs.length > 0
  while (await isUnfinished()) await new Promise((resolve) => setTimeout(resolve, 20))
  await levada.close()
} else await load(levada, pipelines, tell, Number(seed))
