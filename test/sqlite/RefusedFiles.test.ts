/** Files that are refused: of another program, of a later version, damaged, folders; and options that are invalid. */
import { execFileSync } from "node:child_process"
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync
} from "node:fs"
import { join } from "node:path"
import * as sqlite from "node:sqlite"
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { describe, expect } from "vitest"
import { SqliteStore } from "../../adapters/sqlite/index.ts"
import * as SqliteFile from "../../adapters/sqlite/SqliteFile.ts"
import { newRun, single } from "../conformance/store/harness/StoreDriver.ts"
import { files, opened, refusal } from "./StoreFiles.ts"

const file = files()

describe("a file", () => {
  it.live("that is a folder or a device is refused", () =>
    Effect.gen(function* () {
      const folder = file()
      mkdirSync(folder)
      expect(yield* refusal(folder)).toContain(`'${folder}' is a folder. Name a file in it`)
      const pipe = file()
      execFileSync("mkfifo", [pipe])
      expect(yield* refusal(pipe)).toContain("no regular file")
      const text = file()
      yield* Effect.flatMap(opened({ file: text }), ({ close }) => close)
      expect(yield* refusal(join(text, "levada.db"))).toContain("Its folder must exist")
    })
  )

  it.live("of another program is refused, and stays as it is", () =>
    Effect.gen(function* () {
      const path = file()
      const other = new sqlite.DatabaseSync(path)
      other.exec("CREATE TABLE theirs (id INTEGER)")
      other.close()
      const before = readFileSync(path)
      expect(yield* refusal(path)).toContain("of another program")
      expect(readFileSync(path).equals(before)).toBe(true)
    })
  )

  it.live("of a later version is refused", () =>
    Effect.gen(function* () {
      const path = file()
      yield* Effect.flatMap(opened({ file: path }), ({ close }) => close)
      const database = new sqlite.DatabaseSync(path)
      database.exec("PRAGMA user_version = 99")
      database.close()
      expect(yield* refusal(path)).toContain("has version 99")
    })
  )

  it.live("that is no SQLite file, or has damaged pages, is refused", () =>
    Effect.gen(function* () {
      const text = file()
      writeFileSync(text, "this is a text, and it is long enough to be taken for a header of a file".repeat(20))
      expect(yield* refusal(text)).toContain("It is not an SQLite file")
      const path = file()
      const { store, close } = yield* opened({ file: path })
      for (let count = 0; count < 50; count++) yield* store.submit(newRun(single))
      yield* close
      const damaged = file()
      copyFileSync(path, damaged)
      const handle = openSync(damaged, "r+")
      const { size } = statSync(damaged)
      for (let at = 4_096; at < size; at += 4_096) writeSync(handle, Buffer.alloc(200, 0xff), 0, 200, at)
      closeSync(handle)
      expect(yield* refusal(damaged)).toContain("estore it from a backup")
    })
  )

  it.live("that is to survive power failures is synced to the disk itself, also by checkpoints and on macOS", () =>
    Effect.sync(() => {
      for (const synchronous of ["full", "normal"] as const) {
        const { database, close } = SqliteFile.own(sqlite, file(), synchronous, 0)
        for (const name of ["fullfsync", "checkpoint_fullfsync"]) {
          expect(database.prepare(`PRAGMA ${name}`).get()).toEqual({ [name]: synchronous === "full" ? 1 : 0 })
        }
        close()
      }
    })
  )

  it.live("whose file system has no shared memory is refused", () =>
    Effect.sync(() => {
      const path = file()
      // SQLite without locks on files: it has no shared memory.
      class DatabaseSync extends sqlite.DatabaseSync {
        constructor(at: string, options: object = {}) {
          super(at === path ? `file:${at}?vfs=unix-none` : at, options)
        }
      }
      expect(() => SqliteFile.own({ ...sqlite, DatabaseSync }, path, "full", 0)).toThrow(
        `The file '${path}' can't have a write-ahead log: SQLite answers 'delete'`
      )
      SqliteFile.own(sqlite, path, "full", 0).close()
    })
  )

  it.live("whose options are invalid is refused", () =>
    Effect.gen(function* () {
      const path = file()
      for (const options of [
        { file: "" },
        { file: 7 },
        { file: path, synchronous: "maybe" },
        { file: path, leaseMillis: -1 }
      ]) {
        expect(yield* Effect.flip(Effect.scoped(SqliteStore.make(options as never)))).toMatchObject({
          _tag: "InvalidOption"
        })
      }
      expect(existsSync(path)).toBe(false)
    })
  )
})
