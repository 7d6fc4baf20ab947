/** Backups while the owner works; what retention leaves of a file; and how long its log gets beside readers. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { basename, dirname, join } from "node:path"
import * as sqlite from "node:sqlite"
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { describe, expect } from "vitest"
import { SqliteStore } from "../../adapters/sqlite/index.ts"
import * as SqliteBackup from "../../adapters/sqlite/SqliteBackup.ts"
import type { Store } from "../../core/store/Store.ts"
import { newRun, single } from "../conformance/store/harness/StoreDriver.ts"
import { files, finish, opened, request } from "./StoreFiles.ts"

const file = files()

const parts = (path: string) => readdirSync(dirname(path)).filter((name) => name.endsWith(".part"))

describe("a backup", () => {
  it.live("under load has all runs that were told before it began, each whole", () =>
    Effect.gen(function* () {
      const path = file()
      const { store, close } = yield* opened({ file: path, historyCount: 100_000 })
      const told: Array<string> = []
      const working: Effect.Effect<never, unknown> = Effect.suspend(() =>
        Effect.flatMap(finish(store, "x"), (id) => {
          told.push(id)
          return working
        })
      )
      const load = yield* Effect.forkChild(working)
      for (let copy = 0; copy < 5; copy++) {
        while (told.length < 50 * (copy + 1)) yield* Effect.sleep(1)
        const before = [...told]
        const to = file()
        yield* SqliteStore.backup(path, to)
        const restored = yield* opened({ file: to, historyCount: 100_000 })
        for (const id of before) {
          const run = yield* restored.store.get(id)
          expect(run).toMatchObject({ status: "COMPLETED", outputs: { a: '"x"' } })
          const events = yield* Stream.runCollect(Stream.take(restored.store.watch(id), run.sequence))
          expect(events.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4])
        }
        expect(yield* finish(restored.store)).toBeTypeOf("string")
        yield* restored.close
      }
      yield* Fiber.interrupt(load)
      expect(parts(path)).toEqual([])
      yield* close
    })
  )

  it.live("replaces no file: not the Store's own, by whatever name, and no other", () =>
    Effect.gen(function* () {
      const path = file()
      const { store, close } = yield* opened({ file: path })
      const id = yield* finish(store)
      const link = file()
      symlinkSync(path, link)
      const text = file()
      writeFileSync(text, "some text")
      const folder = file()
      mkdirSync(folder)
      const [dangling, missing] = [file(), file()]
      symlinkSync(missing, dangling)
      for (const to of [path, link, text, folder, dangling]) {
        const failed = yield* Effect.flip(SqliteStore.backup(path, to))
        expect(failed.message).toBe(`The file '${to}' exists already. A backup overwrites no file: choose another name`)
      }
      expect(readFileSync(text, "utf8")).toBe("some text")
      expect(readlinkSync(dangling)).toBe(missing)
      expect(yield* store.get(id)).toMatchObject({ status: "COMPLETED" })
      yield* close
    })
  )

  it.live("replaces no file that another program makes while it copies", () =>
    Effect.gen(function* () {
      const path = file()
      yield* Effect.flatMap(opened({ file: path }), ({ close }) => close)
      const to = file()
      const copying = SqliteBackup.copy(sqlite, path, to)
      writeFileSync(to, "some text")
      const failed = yield* Effect.flip(Effect.tryPromise({ try: () => copying, catch: String }))
      expect(failed).toContain(`The file '${to}' exists already`)
      expect(readFileSync(to, "utf8")).toBe("some text")
      expect(parts(path)).toEqual([])
    })
  )

  it.live("is one file, and reads no cursor of the owner's later changes as its own", () =>
    Effect.gen(function* () {
      const [path, to] = [file(), file()]
      const { store, close } = yield* opened({ file: path })
      const before = yield* finish(store)
      yield* SqliteStore.backup(path, to)
      expect(readdirSync(dirname(to)).filter((name) => name.startsWith(basename(to)))).toEqual([basename(to)])
      yield* finish(store)
      const read = (of: Store, after: string) => Effect.flatMap(of.feed({ after, isEndless: false }), Stream.runCollect)
      const { cursor } = (yield* read(store, "0")).at(-1)!
      yield* close
      const copy = yield* opened({ file: to })
      const after = yield* finish(copy.store)
      const items = yield* read(copy.store, cursor)
      expect(items[0]!.isBehindGap).toBe(true)
      expect(new Set(items.map(({ event }) => event!.runId))).toEqual(new Set([before, after]))
      yield* copy.close
    })
  )

  it.live("counts no lost worker for the steps that were running", () =>
    Effect.gen(function* () {
      const [path, to] = [file(), file()]
      const { store, close } = yield* opened({ file: path })
      const id = yield* store.submit(newRun(single))
      yield* store.claim(request)
      yield* SqliteStore.backup(path, to)
      yield* close
      const copy = yield* opened({ file: to })
      const { sequence } = yield* copy.store.get(id)
      const events = yield* Stream.runCollect(Stream.take(copy.store.watch(id), sequence))
      expect(events.at(-1)).toMatchObject({
        type: "StepReleased",
        reason: "its process restarted, or its Store recovered from a failure"
      })
      yield* copy.close
    })
  )

  it.live("of what is no Store, or into a folder that does not exist, fails and names the file", () =>
    Effect.gen(function* () {
      const path = file()
      yield* Effect.flatMap(opened({ file: path }), ({ close }) => close)
      const [missing, text, other, to] = [file(), file(), file(), file()]
      writeFileSync(text, "some text".repeat(1_000))
      const database = new sqlite.DatabaseSync(other)
      database.exec("CREATE TABLE theirs (id INTEGER)")
      database.close()
      for (const from of [missing, text, other]) {
        expect((yield* Effect.flip(SqliteStore.backup(from, to))).message).toContain(`'${from}'`)
        expect(existsSync(to)).toBe(false)
      }
      expect(existsSync(missing)).toBe(false)
      const nowhere = join(dirname(to), "none", "copy.db")
      const failed = yield* Effect.flip(SqliteStore.backup(path, nowhere))
      expect(failed.message).toContain(`'${nowhere}'`)
      expect(parts(path)).toEqual([])
    })
  )
})

describe("retention", () => {
  it.effect("deletes what is too old in small steps, without other changes, and the file shrinks", () =>
    Effect.gen(function* () {
      const path = file()
      const { store, close } = yield* opened({ file: path, historyMillis: 3_600_000 })
      for (let run = 0; run < 450; run++) yield* finish(store, "x".repeat(20_000))
      yield* TestClock.adjust(1_800_000)
      const young = [yield* finish(store), yield* finish(store)]
      const reader = new sqlite.DatabaseSync(path, { readOnly: true })
      const count = () => Number(reader.prepare("SELECT count(*) AS n FROM runs").get()!["n"])
      const pages = () => Number(reader.prepare("PRAGMA page_count").get()!["page_count"])
      const [before, pagesBefore] = [count(), pages()]
      expect(before).toBe(452)
      yield* TestClock.adjust(1_800_000)
      const left = count()
      expect(before - left).toBeLessThanOrEqual(100)
      // Every 10 ms another step.
      yield* TestClock.adjust(60_000)
      expect(count()).toBe(2)
      yield* TestClock.adjust(60_000)
      expect(pages()).toBeLessThan(pagesBefore / 2)
      const { runs } = yield* store.list({ limit: 10 })
      expect(runs.map(({ id }) => id)).toEqual(young.toReversed())
      reader.close()
      yield* close
      expect(statSync(path).size).toBeLessThan(2_048 * pagesBefore)
    })
  )
})

describe.runIf(process.env["TEST_RUNTIME"] === "node")("the log of newest changes", () => {
  it.live(
    "begins anew beside programs that read without a gap",
    () =>
      Effect.gen(function* () {
        const path = file()
        const { store, close } = yield* opened({ file: path, synchronous: "off", historyCount: 100_000 })
        yield* finish(store)
        // Threads would share the locks of this process.
        const readers = Array.from({ length: 4 }, () =>
          spawn(process.execPath, [join(import.meta.dirname, "Reader.ts"), path])
        )
        yield* Effect.addFinalizer(() => Effect.sync(() => void readers.map((reader) => reader.kill("SIGKILL"))))
        yield* Effect.promise(() => Promise.all(readers.map((reader) => once(reader.stdout, "data"))))
        let largest = 0
        let size = 0
        // On a busy machine a reader may hold up a beginning, not all of them.
        for (let run = 0; run < 3_000 && size >= largest; run++) {
          yield* finish(store, "x".repeat(500_000))
          size = statSync(`${path}-wal`).size
          largest = Math.max(largest, size)
        }
        expect(largest).toBeGreaterThan(1 << 26)
        expect(size).toBeLessThan(largest)
        yield* close
      }),
    120_000
  )
})
