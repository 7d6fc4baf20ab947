/** One owner of a file among processes, on each runtime: however they name the file, and however they end. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { closeSync, linkSync, mkdirSync, openSync, symlinkSync } from "node:fs"
import { basename, dirname, join, relative } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { afterEach, describe, expect } from "vitest"
import { newRun, single } from "../conformance/store/harness/StoreDriver.ts"
import { files, opened, refusal } from "./StoreFiles.ts"

const isNode = process.env["TEST_RUNTIME"] === "node"
if (!isNode) console.log("Processes that own a file, on each runtime: tested from Node only; skipped here")

const file = files()
const bin = (name: string): string => join(import.meta.dirname, "../../node_modules/.bin", name)

const RUNTIMES: ReadonlyArray<readonly [runtime: string, command: ReadonlyArray<string>]> = [
  ["Node", [bin("node")]],
  ["Bun", [bin("bun")]],
  ["Deno", [bin("deno"), "run", "-A"]]
]

const children: Array<ChildProcess> = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL")
})

/** Starts a process that owns the file, or says why not; `said` resolves with the line that matches. */
const launch = ([program, ...args]: ReadonlyArray<string>, path: string, ...mode: ReadonlyArray<string>) => {
  const child = spawn(program!, [...args, join(import.meta.dirname, "Owner.ts"), path, ...mode])
  children.push(child)
  let printed = ""
  const waiting: Array<() => void> = []
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      printed += chunk.toString()
      for (const look of waiting) look()
    })
  }
  const said = (pattern: RegExp) =>
    Effect.callback<string>((resume) => {
      const look = (): void => {
        const found = pattern.exec(printed)
        if (found !== null) resume(Effect.succeed(found[1]!))
      }
      waiting.push(look)
      look()
    })
  return { child, said, exited: once(child, "exit") }
}

const FIRST_LINE = /^(.*)\n/

describe.runIf(isNode).each(RUNTIMES)("a process on %s", (_, command) => {
  it.live(
    "that owns a file is named to others; after kill -9 the next one owns it at once, though a child lives on",
    () =>
      Effect.gen(function* () {
        const path = file()
        const owner = launch(command, path, "children")
        expect(yield* owner.said(FIRST_LINE)).toBe("owns")
        const orphan = Number(yield* owner.said(/child (\d+)\n/))
        expect(yield* refusal(path)).toContain(`'${path}' is in use by the process ${owner.child.pid}`)
        owner.child.kill("SIGKILL")
        yield* Effect.promise(() => owner.exited)
        process.kill(orphan, 0)
        const { close } = yield* opened({ file: path })
        process.kill(orphan)
        // And the other way round.
        const second = launch(command, path)
        expect(yield* second.said(FIRST_LINE)).toContain(`is in use by the process ${process.pid}`)
        yield* close
      })
  )

  it.live("owns it for one of its threads only", () =>
    Effect.gen(function* () {
      const path = file()
      const owner = launch(command, path, "threads")
      expect(yield* owner.said(/thread (.*)\n/)).toContain(`is in use by the process ${owner.child.pid}`)
      expect(yield* refusal(path)).toContain(`is in use by the process ${owner.child.pid}`)
    })
  )

  it.live("that loses its lock writes nothing more, once another one has the file", () =>
    Effect.gen(function* () {
      const path = file()
      const { store, close } = yield* opened({ file: path })
      const id = yield* store.submit(newRun(single))
      // POSIX drops all locks of a process on a file when it closes any handle of that file.
      closeSync(openSync(`${path}-owner`, "r"))
      const next = launch(command, path)
      expect(yield* next.said(FIRST_LINE)).toBe("owns")
      const refused = yield* Effect.flip(store.submit(newRun(single)))
      expect(refused.message).toContain(`was taken by the process ${next.child.pid}`)
      expect(yield* Effect.flip(store.ping)).toMatchObject({ _tag: "StoreUnavailable" })
      yield* close
      next.child.kill("SIGKILL")
      yield* Effect.promise(() => next.exited)
      const last = yield* opened({ file: path })
      const { runs } = yield* last.store.list({ limit: 10 })
      expect(runs.map((run) => run.id)).toEqual([id])
      yield* last.close
    })
  )
})

describe("a file in use", () => {
  it.live("is refused to others, with the owner's process id, until the owner closes it", () =>
    Effect.gen(function* () {
      const path = file()
      const { store, close } = yield* opened({ file: path })
      const id = yield* store.submit(newRun(single))
      const refused = yield* refusal(path)
      expect(refused).toContain("StoreUnavailable")
      expect(refused).toContain(`'${path}' is in use by the process ${process.pid}`)
      yield* close
      const next = yield* opened({ file: path })
      expect(yield* next.store.get(id)).toMatchObject({ status: "PENDING" })
      yield* next.close
    })
  )

  it.live("can be read by others", () =>
    Effect.gen(function* () {
      const path = file()
      const { store, close } = yield* opened({ file: path })
      const id = yield* store.submit(newRun(single))
      const reader = new DatabaseSync(path, { readOnly: true })
      expect(reader.prepare("SELECT id FROM runs").all()).toMatchObject([{ id }])
      reader.close()
      yield* close
    })
  )

  it.live("is refused by each of its names", () =>
    Effect.gen(function* () {
      const path = file()
      const folder = file()
      mkdirSync(folder)
      symlinkSync(path, join(folder, "link.db"))
      symlinkSync(join(folder, "link.db"), join(folder, "link-of-link.db"))
      symlinkSync(dirname(path), join(folder, "folder"))
      // A link to a file that does not exist yet names that file.
      const { close } = yield* opened({ file: join(folder, "link.db") })
      for (const name of [
        path,
        relative(process.cwd(), path),
        join(folder, "link-of-link.db"),
        join(folder, "folder", basename(path)),
        `${dirname(path)}/./x/../${basename(path)}`
      ]) {
        expect(yield* refusal(name), name).toContain("is in use by the process")
      }
      yield* close
      const next = yield* opened({ file: path })
      yield* next.close
    })
  )

  it.live("may have no second name: hard links are refused, before anything is written", () =>
    Effect.gen(function* () {
      const path = file()
      const { store, close } = yield* opened({ file: path })
      yield* store.submit(newRun(single))
      const other = file()
      linkSync(path, other)
      const refused = yield* refusal(other)
      expect(refused).toContain(`'${other}' has 2 names`)
      expect(refused).toContain("SqliteStore.backup")
      yield* store.submit(newRun(single))
      yield* close
    })
  )
})
