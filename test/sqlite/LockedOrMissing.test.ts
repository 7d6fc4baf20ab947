/** A file that can't be written: another program holds it, or it is gone. */
import { renameSync, rmSync, writeFileSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { describe, expect } from "vitest"
import { newRun, single } from "../conformance/store/harness/StoreDriver.ts"
import { files, opened, untilOpen } from "./StoreFiles.ts"

const file = files()

describe("a file", () => {
  it.live("that another program locks for long refuses changes, and goes on once it is free", () =>
    Effect.gen(function* () {
      const path = file()
      const { store, close } = yield* opened({ file: path })
      const before = yield* store.submit(newRun(single))
      const other = new DatabaseSync(path)
      other.exec("BEGIN IMMEDIATE")
      expect(yield* Effect.flip(store.submit(newRun(single)))).toMatchObject({
        _tag: "StoreUnavailable",
        message: expect.stringContaining("locked")
      })
      other.exec("ROLLBACK")
      other.close()
      yield* untilOpen(store)
      const { runs } = yield* store.list({ limit: 10 })
      expect(runs.map(({ id }) => id)).toEqual([before])
      yield* close
    })
  )

  it.live.each([true, false])("that is gone takes no more runs (replaced by another file: %s)", (isReplaced) =>
    Effect.gen(function* () {
      const path = file()
      const { store, close } = yield* opened({ file: path })
      yield* store.submit(newRun(single))
      rmSync(path)
      if (isReplaced) writeFileSync(path, "")
      const refused = yield* Effect.flip(store.submit(newRun(single)))
      expect(refused).toMatchObject({ _tag: "StoreUnavailable" })
      expect(refused.message).toContain("was deleted or replaced")
      expect(yield* Effect.flip(store.ping)).toMatchObject({ _tag: "StoreUnavailable" })
      yield* close
    })
  )

  it.live("whose log is gone takes no more runs", () =>
    Effect.gen(function* () {
      const path = file()
      const { store, close } = yield* opened({ file: path })
      yield* store.submit(newRun(single))
      renameSync(`${path}-wal`, `${path}-away`)
      const refused = yield* Effect.flip(store.submit(newRun(single)))
      expect(refused.message).toContain(`'${path}' or its '-wal' was deleted or replaced`)
      yield* close
    })
  )

  it.live("that was moved away goes on when it is back", () =>
    Effect.gen(function* () {
      const path = file()
      const { store, close } = yield* opened({ file: path })
      const before = yield* store.submit(newRun(single))
      renameSync(path, `${path}-away`)
      expect(yield* Effect.flip(store.submit(newRun(single)))).toMatchObject({ _tag: "StoreUnavailable" })
      renameSync(`${path}-away`, path)
      yield* untilOpen(store)
      const after = yield* store.submit(newRun(single))
      const { runs } = yield* store.list({ limit: 10 })
      expect(runs.map(({ id }) => id)).toEqual([after, before])
      yield* close
    })
  )
})
