/** Files of earlier and later versions: the tables of each version stay as they were, and a migration is done or not begun. */
import { readFileSync } from "node:fs"
import * as sqlite from "node:sqlite"
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { describe, expect } from "vitest"
import { SqliteStore } from "../../adapters/sqlite/index.ts"
import { STEPS } from "../../adapters/sqlite/Schema.ts"
import * as SqliteFile from "../../adapters/sqlite/SqliteFile.ts"
import { SqliteJournal } from "../../adapters/sqlite/SqliteJournal.ts"
import * as DurableStore from "../../core/memory/DurableStore.ts"
import { done, newRun, ownVersions, single } from "../conformance/store/harness/StoreDriver.ts"
import { files, opened } from "./StoreFiles.ts"
import { RUN, writeVersion1 } from "./Version1.ts"

const file = files()

const version1 = (): string => {
  const path = file()
  writeVersion1(path)
  return path
}

const schemaOf = (path: string) => {
  const database = new sqlite.DatabaseSync(path, { readOnly: true })
  const rows = database
    .prepare("SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%' ORDER BY type, name")
    .all()
  const { user_version: version } = database.prepare("PRAGMA user_version").get()!
  database.close()
  return {
    version,
    rows: rows.map(({ type, name, sql }) => ({ type, name, sql: (sql as string | null)?.replace(/\s+/g, " ") }))
  }
}

/** A Store over a file that later code opens, with one version more. */
const openedWith = (path: string, steps: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const owned = yield* Effect.acquireRelease(
      Effect.sync(() => SqliteFile.own(sqlite, path, "full", 0, steps)),
      ({ close }) => Effect.sync(close)
    )
    return { owned, store: yield* DurableStore.make({}, new SqliteJournal(owned), owned.isLoss) }
  })

const NEXT = "ALTER TABLE runs ADD COLUMN note TEXT; CREATE TABLE notes (run INTEGER PRIMARY KEY, text TEXT) STRICT"

describe("version 1 of the tables", () => {
  it.live("is what this code still begins with: a step may be added, and none changed", () =>
    Effect.sync(() => {
      const old = version1()
      const made = file()
      SqliteFile.own(sqlite, made, "off", 0, STEPS.slice(0, 1)).close()
      expect(schemaOf(made)).toEqual(schemaOf(old))
    })
  )

  it.live("is opened by this code: its runs go on", () =>
    Effect.gen(function* () {
      const path = version1()
      const { store, close } = yield* opened({ file: path })
      expect([...(yield* store.paused)]).toEqual(["q"])
      const claims = yield* store.claim({ worker: "w", max: 10, versions: ownVersions })
      expect(claims).toMatchObject([{ runId: RUN, step: "a", attempt: 2 }])
      yield* store.settle([{ claim: claims[0]!, outcome: done({ a: "1" }) }])
      expect(yield* store.get(RUN)).toMatchObject({ status: "COMPLETED", outputs: { a: "1" } })
      yield* close
      expect(schemaOf(path).version).toBe(STEPS.length)
    })
  )
})

describe("a migration", () => {
  it.live("brings a file of version 1 to the next version, with all that it has", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const path = version1()
        const { store, owned } = yield* openedWith(path, [...STEPS, NEXT])
        expect(schemaOf(path).version).toBe(STEPS.length + 1)
        expect(owned.database.prepare("SELECT id, note FROM runs").all()).toMatchObject([{ id: RUN, note: null }])
        expect(yield* store.get(RUN)).toMatchObject({ status: "RUNNING" })
        expect(typeof (yield* store.submit(newRun(single)))).toBe("string")
      })
    )
  )

  it.live("makes a new file as it makes an old one", () =>
    Effect.sync(() => {
      const [old, fresh] = [version1(), file()]
      for (const path of [old, fresh]) SqliteFile.own(sqlite, path, "off", 0, [...STEPS, NEXT]).close()
      expect(schemaOf(old)).toEqual(schemaOf(fresh))
    })
  )

  it.live("that fails leaves the file as it was, and this code opens it", () =>
    Effect.gen(function* () {
      const path = version1()
      const before = readFileSync(path)
      const broken = [...STEPS, NEXT, "UPDATE runs SET id = NULL"]
      expect(() => SqliteFile.own(sqlite, path, "full", 0, broken)).toThrow("NOT NULL constraint failed")
      expect(readFileSync(path).equals(before)).toBe(true)
      const { store, close } = yield* opened({ file: path })
      expect(yield* store.get(RUN)).toMatchObject({ status: "RUNNING" })
      yield* close
    })
  )

  it.live(
    "to a later version is not undone: this code refuses the file, names both versions, and leaves it as it is",
    () =>
      Effect.gen(function* () {
        const path = version1()
        SqliteFile.own(sqlite, path, "full", 0, [...STEPS, NEXT]).close()
        const before = readFileSync(path)
        const refused = yield* Effect.flip(Effect.scoped(SqliteStore.make({ file: path })))
        expect(refused.message).toContain(
          `'${path}' has version ${STEPS.length + 1}, and this version of Levada reads files up to version ${STEPS.length}`
        )
        expect(readFileSync(path).equals(before)).toBe(true)
      })
  )
})
