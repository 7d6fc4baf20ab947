/** Real disks that are full or read-only: no client is told of a run that the file does not have, and no task begins for one. */
import { execFileSync } from "node:child_process"
import { readdirSync } from "node:fs"
import { it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { describe, expect } from "vitest"
import { Access, Levada, Pipeline, Task } from "../../adapters/promise/index.ts"
import { SqliteStore } from "../../adapters/sqlite/index.ts"
import type { Store } from "../../core/store/Store.ts"
import { newRun, single } from "../conformance/store/harness/StoreDriver.ts"
import { Disks } from "./MountedDisk.ts"
import { files, opened, refusal, untilOpen } from "./StoreFiles.ts"

const disks = new Disks()
const file = files()

const submit = ({ submit: start }: Store, size: number) =>
  start(newRun(single, { parameters: { data: `"${"x".repeat(size)}"` } }))

/** Submits runs until one is refused. */
const submitUntilRefused = (store: Store, size: number) =>
  Effect.gen(function* () {
    const ids: Array<string> = []
    for (;;) {
      const submitted = yield* Effect.result(submit(store, size))
      if (submitted._tag === "Failure") return { ids, failure: submitted.failure }
      ids.push(submitted.success)
    }
  })

const idsOf = (store: Store) => Effect.map(store.list({ limit: 1_000 }), ({ runs }) => runs.map(({ id }) => id).sort())

describe.runIf(disks.areAllowed)("a disk", () => {
  it.live(
    "that is full refuses runs over HTTP with 503, begins no task for them, and takes them once it has room",
    () =>
      Effect.promise(async () => {
        const disk = disks.make(2_048)
        const begun: Array<string> = []
        const note = Task.make("note", {
          input: { text: Schema.String },
          output: { size: Schema.Number },
          run: ({ text }, { runId }) => {
            begun.push(runId)
            return { size: text.length }
          }
        })
        const noting = Pipeline.make("noting", [note])
        const levada = Levada.make({
          pipelines: [noting],
          access: Access.open,
          store: SqliteStore.layer({ file: disk.file })
        })
        await levada.ready
        const start = async () => {
          const body = JSON.stringify({ parameters: { text: "x".repeat(5_000) } })
          const headers = { "content-type": "application/json" }
          const request = new Request("http://localhost/pipelines/noting/execute", { method: "POST", headers, body })
          const response = await levada.fetch(request)
          return { status: response.status, json: (await response.json()) as Record<string, string> }
        }
        const told: Array<string> = []
        const fillUp = async () => {
          for (;;) {
            const { status, json } = await start()
            if (status >= 400) return { status, json }
            expect(json["status"]).toBe("STARTED")
            told.push(json["task_id"]!)
          }
        }
        for (let run = 0; run < 5; run++) told.push((await start()).json["task_id"]!)
        disk.fill()
        const refused = await fillUp()
        expect(refused).toMatchObject({ status: 503, json: { error: "StoreUnavailableError" } })
        expect(refused.json["message"]).toContain("Make room on its disk")
        expect(refused.json["message"]).not.toContain(disk.folder)
        for (let more = 0; more < 20; more++) expect(await start()).toMatchObject({ status: 503 })
        expect(told).toEqual(expect.arrayContaining(begun))
        disk.empty()
        const again = async (): Promise<string> => {
          const { status, json } = await start()
          return status === 503 ? Effect.runPromise(Effect.as(Effect.sleep(20), "")).then(again) : json["task_id"]!
        }
        told.push(await again())
        for (const id of told) {
          expect((await Array.fromAsync(levada.watch(id))).at(-1)).toMatchObject({ type: "RunCompleted" })
        }
        const { runs } = await levada.runs({ limit: 500 })
        expect(runs.map(({ id }) => id).sort()).toEqual([...told].sort())
        expect(new Set(begun)).toEqual(new Set(told))
        await levada.close()
      })
  )

  it.live("that is full while changes move from the log into the file refuses none that the file has", () =>
    Effect.gen(function* () {
      const disk = disks.make(8_192)
      const first = yield* opened({ file: disk.file })
      const ids: Array<string> = []
      // The log gets its size, and begins anew: now it has room, and the file has none.
      for (let run = 0; run < 120; run++) ids.push(yield* submit(first.store, 2_000))
      disk.fill()
      const refused = yield* submitUntilRefused(first.store, 2_000)
      ids.push(...refused.ids)
      expect(refused.ids.length).toBeGreaterThan(0)
      expect(String(refused.failure)).toContain("full")
      disk.empty()
      yield* untilOpen(first.store)
      expect(yield* idsOf(first.store)).toEqual([...ids].sort())
      yield* first.close
      const next = yield* opened({ file: disk.file })
      expect(yield* idsOf(next.store)).toEqual([...ids].sort())
      yield* next.close
    })
  )

  it.live("that is full again and again leaves no fibers of earlier Stores", () =>
    Effect.gen(function* () {
      const disk = disks.make(2_048)
      const clock = yield* Clock.Clock
      let sleeping = 0
      const counting: Clock.Clock = Object.assign(Object.create(clock) as Clock.Clock, {
        sleep: (duration: Parameters<Clock.Clock["sleep"]>[0]) =>
          Effect.acquireUseRelease(
            Effect.sync(() => sleeping++),
            () => clock.sleep(duration),
            () => Effect.sync(() => sleeping--)
          )
      })
      const { store, close } = yield* Effect.provideService(opened({ file: disk.file }), Clock.Clock, counting)
      yield* submit(store, 10)
      const before = sleeping
      const told: Array<string> = []
      for (let round = 0; round < 4; round++) {
        disk.fill()
        const { ids } = yield* submitUntilRefused(store, 3_000)
        told.push(...ids)
        disk.empty()
        yield* untilOpen(store)
      }
      expect(yield* idsOf(store)).toHaveLength(told.length + 1)
      expect(sleeping).toBeLessThanOrEqual(before)
      yield* close
      expect(sleeping).toBe(0)
    })
  )

  it.live("without room for a new file refuses it; later it is made", () =>
    Effect.gen(function* () {
      const disk = disks.make(16)
      const refused = yield* refusal(disk.file)
      expect(refused).toContain(`'${disk.file}'`)
      expect(refused).toContain("Make room on its disk")
      execFileSync("mount", ["-o", "remount,size=2m", disk.folder])
      const { store, close } = yield* opened({ file: disk.file })
      yield* submit(store, 1)
      yield* close
    })
  )

  it.live("that is read-only refuses the file, its runs stay, and go on once it can be written", () =>
    Effect.gen(function* () {
      const disk = disks.make(2_048)
      const first = yield* opened({ file: disk.file })
      const id = yield* submit(first.store, 1)
      yield* first.close
      disk.setReadOnly(true)
      for (const path of [disk.file, `${disk.folder}/other.db`, `${disk.folder}/folder/other.db`]) {
        const refused = yield* refusal(path)
        expect(refused).toContain(`'${path}'`)
        expect(refused).toContain("write access")
      }
      disk.setReadOnly(false)
      const next = yield* opened({ file: disk.file })
      expect(yield* idsOf(next.store)).toEqual([id])
      yield* next.close
    })
  )

  it.live("may have a file that is read-only itself: it is refused", () =>
    Effect.gen(function* () {
      const path = file()
      yield* Effect.flatMap(opened({ file: path }), ({ close }) => close)
      execFileSync("mount", ["--bind", path, path])
      execFileSync("mount", ["-o", "remount,bind,ro", path])
      const refused = yield* Effect.ensuring(
        refusal(path),
        Effect.sync(() => execFileSync("umount", [path]))
      )
      expect(refused).toContain(`'${path}'`)
      expect(refused).toContain("write access")
    })
  )

  it.live("that is too small for a backup keeps no part of it", () =>
    Effect.gen(function* () {
      const path = file()
      const { store, close } = yield* opened({ file: path })
      for (let run = 0; run < 20; run++) yield* submit(store, 5_000)
      const disk = disks.make(64)
      const failed = yield* Effect.flip(SqliteStore.backup(path, disk.file))
      expect(failed.message).toContain(`'${disk.file}'`)
      expect(failed.message).toContain("Make room on its disk")
      expect(readdirSync(disk.folder)).toEqual([])
      yield* close
    })
  )
})
