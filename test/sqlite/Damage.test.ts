/** Files whose pages are damaged, at the start and while their Store is open: what can't be read is a failure, and nothing is made up. */
import { execFileSync } from "node:child_process"
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { describe, expect } from "vitest"
import { newRun, single } from "../conformance/store/harness/StoreDriver.ts"
import { files, finish, opened, refusal } from "./StoreFiles.ts"

const PAGE = 4_096
const file = files()

/** Overwrites pages. Another process does it: the locks of this one would end with any file that it closes. */
const damage = (path: string, ...pages: ReadonlyArray<number>): void => {
  for (const page of pages) {
    const at = [`of=${path}`, `bs=${PAGE}`, `seek=${page - 1}`, "count=1", "conv=notrunc"]
    execFileSync("dd", ["if=/dev/urandom", ...at], { stdio: "ignore" })
  }
}

/** A file with finished runs that has been closed. */
const made = Effect.gen(function* () {
  const path = file()
  const { store, close } = yield* opened({ file: path })
  const ids: Array<string> = []
  for (let run = 0; run < 40; run++) ids.push(yield* finish(store, `${run}-`.repeat(40_000)))
  yield* close
  return { path, ids }
})

/** The first page of a table or an index. */
const rootOf = (path: string, name: string): number => {
  const database = new DatabaseSync(path, { readOnly: true })
  const { rootpage } = database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = ?").get(name)!
  database.close()
  return rootpage as number
}

describe("a damaged file", () => {
  it.live("is refused at the start, whichever table or index it is", () =>
    Effect.gen(function* () {
      const { path } = yield* made
      for (const name of ["meta", "runs", "runs_id", "runs_ended", "events", "events_run", "long_values", "kept"]) {
        const copy = file()
        copyFileSync(path, copy)
        damage(copy, rootOf(copy, name))
        const refused = yield* refusal(copy)
        expect(refused, name).toContain(`'${copy}'`)
        expect(refused, name).toContain("rom a backup")
      }
    })
  )

  it.live("is refused when an index lacks a run", () =>
    Effect.gen(function* () {
      const path = file()
      const { store, close } = yield* opened({ file: path })
      const id = yield* store.submit(newRun(single))
      yield* close
      const bytes = readFileSync(path)
      // Its id stands in the table and in the index.
      bytes.write("x", bytes.lastIndexOf(id))
      writeFileSync(path, bytes)
      expect(yield* refusal(path)).toContain("Restore it from a backup")
    })
  )

  it.live.each([
    ["cut in a page", 3 * PAGE + 100],
    ["cut between pages", 8 * PAGE],
    ["cut in its first page", 50]
  ] as const)("is refused when it is %s", ([, size]) =>
    Effect.gen(function* () {
      const { path } = yield* made
      truncateSync(path, size)
      const refused = yield* refusal(path)
      expect(refused).toContain(`'${path}'`)
      expect(refused).toContain("backup")
    })
  )

  it.live("is refused when it is empty and its log is not; an empty one alone is a new one", () =>
    Effect.gen(function* () {
      const empty = file()
      writeFileSync(empty, "")
      const { store, close } = yield* opened({ file: empty })
      yield* store.submit(newRun(single))
      const copy = file()
      writeFileSync(copy, "")
      copyFileSync(`${empty}-wal`, `${copy}-wal`)
      yield* close
      expect(yield* refusal(copy)).toContain("is empty, but its '-wal' has changes")
      expect(readFileSync(`${copy}-wal`).length).toBeGreaterThan(0)
    })
  )

  it.live("fails the reads of a finished run with damaged pages, and no others", () =>
    Effect.gen(function* () {
      const { path, ids } = yield* made
      // Pages of its value, from a file larger than what SQLite keeps in memory.
      const at = readFileSync(path).indexOf("0-0-0-0-0-0-0-0-")
      const { store, close } = yield* opened({ file: path })
      damage(path, ...Array.from({ length: 5 }, (_, page) => Math.floor(at / PAGE) + 3 + page))
      for (const read of [
        store.get(ids[0]!),
        store.value(ids[0]!, "a"),
        store.wait(ids[0]!),
        Stream.runDrain(store.watch(ids[0]!))
      ]) {
        const failed = yield* Effect.flip(read as Effect.Effect<unknown, unknown>)
        expect(failed).toMatchObject({ _tag: "StoreUnavailable" })
        expect(String(failed)).toContain(`'${path}'`)
        expect(String(failed)).toContain("restore it from a backup")
      }
      // The feed goes on, and its readers learn of the gap.
      const read = yield* Stream.runCollect(yield* store.feed({ after: "0", isEndless: false }))
      expect(read.filter(({ isBehindGap }) => isBehindGap).length).toBeGreaterThan(0)
      expect(read.at(-1)?.event).toMatchObject({ runId: ids[39], type: "RunCompleted" })
      expect(yield* store.get(ids[39]!)).toMatchObject({ status: "COMPLETED" })
      const next = yield* finish(store, "fine")
      expect(yield* store.get(next)).toMatchObject({ status: "COMPLETED", outputs: { a: '"fine"' } })
      yield* close
    })
  )
})
