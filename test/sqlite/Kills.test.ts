/** Processes that are killed at random instants: what they told is in the file, and each step is recorded once. */
import { copyFileSync, existsSync, readFileSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"
import { describe, expect, it } from "vitest"
import { Ledger } from "./Ledger.ts"
import { problemsInFile } from "./LedgerCheck.ts"
import { randomOf } from "./Load.ts"
import { files } from "./StoreFiles.ts"
import { bundle, launch } from "./Victims.ts"

const isNode = process.env["TEST_RUNTIME"] === "node"
if (!isNode) console.log("Kills of processes with a Store in a file: tested from Node only; skipped here")

/** How many processes are killed, and the seed of their loads and instants. */
const KILLS = Number(process.env["KILLS"] ?? 200)
const SEED = Number(process.env["KILLS_SEED"] ?? Date.now() % 1_000_000)

/**
 * How long after a process has opened its Store it is killed at most, in milliseconds. In one of so many kills the time counts from its
 * start instead: it may be opening its Store.
 */
const MAX_MILLIS = 300
const EARLY = 5

/** After so many kills, all that the file has is compared with the ledger. */
const COMPARED = 50

const file = files()

interface Ending {
  readonly status: string
  readonly error: { readonly name: string; readonly step: string; readonly item?: number } | null
}

/** How the runs in the file of a process that was killed have ended. */
const endings = (path: string): ReadonlyMap<string, Ending> => {
  if (!existsSync(path)) return new Map()
  const database = new DatabaseSync(path, { readOnly: true })
  const hasTables = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'runs'").get() !== undefined
  const rows = hasTables ? database.prepare("SELECT id, status, error FROM runs").all() : []
  database.close()
  return new Map(
    rows.map(({ id, status, error }) => [
      id as string,
      { status: status as string, error: JSON.parse((error as string | null) ?? "null") as Ending["error"] }
    ])
  )
}

/** What is wrong with the file of a process that was killed. `blamed`: the runs that failed for lost workers before. */
const problemsIn = (path: string, ledger: Ledger, blamed: Set<string>): ReadonlyArray<string> => {
  const problems = [...ledger.problems]
  const found = endings(path)
  for (const id of ledger.started.keys()) {
    const status = found.get(id)?.status
    const told = ledger.ended.get(id)
    if (status === undefined) problems.push(`${id} is missing`)
    else if (told !== undefined && told !== status) problems.push(`${id} is ${status}, and was told as ${told}`)
  }
  for (const [id, { error }] of found) {
    if (error?.name !== "WorkerLost" || blamed.has(id)) continue
    blamed.add(id)
    // The step ran alone in the process that is blamed on it, which can have begun nothing after it.
    // Attempts of `double` fail and are repeated: others begin in between.
    if (error.step !== "double" && ledger.wentOn(id, error.step, error.item)) {
      problems.push(`${id} failed for a process that went on without step '${error.step}', item ${error.item}`)
    }
  }
  return problems
}

describe.runIf(isNode)("a process that is killed", () => {
  it(`${KILLS} times under load loses nothing that a client was told, and records each step once`, async () => {
    const program = bundle(`${file()}.mjs`)
    const random = randomOf(SEED)
    const path = file()
    const ledger = new Ledger()
    const blamed = new Set<string>()
    const where = (kill: number): string => `after kill ${kill} with KILLS_SEED=${SEED}`
    for (let kill = 1; kill <= KILLS; kill++) {
      const lines = file()
      const victim = launch(program, path, lines, Math.floor(random() * 1_000_000))
      if (kill % EARLY !== 0) await victim.ready
      // The instant of the kill is what varies here; nothing waits for it.
      await new Promise((resolve) => setTimeout(resolve, random() * MAX_MILLIS))
      victim.kill("SIGKILL")
      expect([await victim.closed, victim.problems()], where(kill)).toEqual([null, ""])
      if (existsSync(lines)) ledger.read(readFileSync(lines, "utf8"))
      expect(problemsIn(path, ledger, blamed), where(kill)).toEqual([])
      if (kill % COMPARED !== 0) continue
      const copy = file()
      for (const part of ["", "-wal"]) copyFileSync(path + part, copy + part)
      expect(await problemsInFile(copy, ledger, false), where(kill)).toEqual([])
    }
    const lines = file()
    const rest = launch(program, path, lines)
    expect(await rest.closed, rest.problems()).toBe(0)
    ledger.read(readFileSync(lines, "utf8"))
    expect(ledger.started.size).toBeGreaterThan(KILLS)
    expect(await problemsInFile(path, ledger, true), where(KILLS)).toEqual([])
  }, 600_000)
})
