/** No caller, worker or watcher is told of a change before the file has it, however many act at once. */
import { DatabaseSync } from "node:sqlite"
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { describe, expect } from "vitest"
import { chain, done, newRun } from "../conformance/store/harness/StoreDriver.ts"
import { files, opened, request } from "./StoreFiles.ts"

const file = files()

const CLIENTS = 10
const ROUNDS = 10

describe("a Store in a file", () => {
  it.live("has each run, step and event in the file before it tells of them", () =>
    Effect.gen(function* () {
      const path = file()
      const { store, close } = yield* opened({ file: path })
      const reader = new DatabaseSync(path, { readOnly: true })
      const find = reader.prepare(
        "SELECT group_concat(events.text) AS text FROM runs LEFT JOIN events ON run = serial WHERE id = ? GROUP BY serial"
      )
      const early: Array<string> = []
      /** Notes what another program does not see in the file. */
      const look = (runId: string, event: string): void => {
        const row = find.get(runId)
        if (row === undefined || !String(row["text"]).includes(event)) early.push(`${event} of ${runId}`)
      }
      const working = Effect.gen(function* () {
        let claims = yield* store.claim(request)
        for (;;) {
          for (const { runId, step } of claims) look(runId, `"step":"${step}"`)
          const settled = yield* store.settle(
            claims.map((claim) => ({ claim, outcome: done({ [claim.step]: "1" }) })),
            request
          )
          claims = settled.claims.length > 0 ? settled.claims : yield* store.claim(request)
        }
      })
      const client = Effect.gen(function* () {
        for (let round = 0; round < ROUNDS; round++) {
          const runId = yield* store.submit(newRun(chain))
          look(runId, "")
          // The last event wakes it within the commit: what it does next belongs to the next commit.
          yield* Stream.runForEach(store.watch(runId), ({ type }) => Effect.sync(() => look(runId, `"${type}"`)))
        }
      })
      yield* Effect.forkScoped(working)
      yield* Effect.forEach(Array.from({ length: CLIENTS }), () => client, { concurrency: "unbounded" })
      reader.close()
      yield* close
      expect(early).toEqual([])
    })
  )
})
