/**
 * A trial of a minute and a half in processes of its own; `npm run chaos` makes longer ones. `CHAOS_SEED` makes the
 * choices of an earlier one again.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { afterAll, describe, expect, inject, test } from "vitest"

const SECONDS = 90

/** How long a trial may take to start, to come to rest and to be looked at, in milliseconds. */
const BESIDES_MILLIS = 150_000

const root = fileURLToPath(new URL("../../", import.meta.url))

// The trial kills its Redis, so it starts one itself; whether there is a program for that is known already.
describe.skipIf(inject("redisUrl") === undefined)("chaos", () => {
  let driver: ChildProcess | undefined
  afterAll(() => void driver?.kill("SIGTERM"))

  test(
    "nothing is lost, and nothing recorded twice, while processes, network and Redis fail",
    async () => {
      const seed = process.env["CHAOS_SEED"] ?? String(Math.floor(Math.random() * 1e9))
      console.log(`Chaos: CHAOS_SEED=${seed}`)
      const child = spawn(
        `${root}node_modules/.bin/node`,
        [`${root}test/chaos/chaos.ts`, "--seconds", String(SECONDS), "--seed", seed, "--backlog", "2000"],
        { cwd: root, stdio: ["ignore", "pipe", "pipe"] }
      )
      driver = child
      let report = ""
      for (const stream of [child.stdout, child.stderr]) {
        stream.on("data", (chunk: Buffer) => {
          report += chunk.toString()
        })
      }
      const code = await new Promise<number | null>((resolve) => child.once("close", resolve))
      expect(code, report).toBe(0)
      console.log(report)
    },
    SECONDS * 1_000 + BESIDES_MILLIS
  )
})
