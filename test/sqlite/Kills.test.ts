/** Processes that are killed at random instants: what a client was told is in the file, and each step is recorded once. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import { SqliteStore } from "../../adapters/sqlite/index.ts"
import type { Store } from "../../core/store/Store.ts"
import { files } from "./Trials.ts"

const isNode = process.env["TEST_RUNTIME"] === "node"
if (!isNode) console.log("Kills of processes with a Store in a file: tested from Node only; skipped here")

/** How many processes are killed. */
const KILLS = Number(process.env["KILLS"] ?? 20)
const file = files()

/** What clients were told. */
class Ledger {
  readonly started = new Set<string>()
  readonly ended = new Map<string, string>()
  readonly cancelled = new Set<string>()
  /** The sequence of the completion of each step, by run and step. */
  readonly steps = new Map<string, number>()

  /** Reads the complete lines of a process. */
  read(printed: string): void {
    for (const line of printed.split("\n").slice(0, -1)) {
      const [what, id, more, number] = line.split(" ")
      if (what === "started") this.started.add(id!)
      else if (what === "cancelled") this.cancelled.add(id!)
      else if (what === "ended") this.ended.set(id!, more!)
      else if (what === "step") this.steps.set(`${id} ${more}`, Number(number))
      else if (what !== "ready") throw new Error(`The process printed: ${line}`)
    }
  }

  /** Compares with what a Store has. */
  compare = (store: Store, isDrained: boolean) =>
    Effect.gen({ self: this }, function* () {
      for (const id of this.started) {
        const run = yield* store.get(id)
        const events = yield* Stream.runCollect(Stream.take(store.watch(id), run.sequence))
        expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, at) => at + 1))
        const completed = events.flatMap((event) => (event.type === "StepCompleted" ? [event.step] : []))
        expect(new Set(completed).size, `each step of ${id} completes once`).toBe(completed.length)
        for (const event of events) {
          const told = event.type === "StepCompleted" ? this.steps.get(`${id} ${event.step}`) : undefined
          if (told !== undefined) expect(event.sequence).toBe(told)
        }
        for (const [key] of this.steps) {
          const [of, step] = key.split(" ")
          if (of === id) expect(completed).toContain(step)
        }
        const told = this.ended.get(id)
        if (told !== undefined) expect(run.status).toBe(told)
        else if (this.cancelled.has(id)) expect(run.status).toBe("CANCELLED")
        else if (isDrained) expect(["COMPLETED", "CANCELLED"], run.error?.message).toContain(run.status)
      }
    })
}

const launch = (path: string, ...mode: ReadonlyArray<string>) => {
  const child: ChildProcess = spawn(process.execPath, [join(import.meta.dirname, "Victim.ts"), path, ...mode])
  let printed = ""
  let problems = ""
  child.stdout!.on("data", (chunk: Buffer) => (printed += chunk.toString()))
  child.stderr!.on("data", (chunk: Buffer) => (problems += chunk.toString()))
  const closed = once(child, "close").then(([code]) => code as number | null)
  const ready = new Promise<void>((resolve, reject) => {
    child.stdout!.on("data", () => (printed.includes("ready\n") ? resolve() : undefined))
    void closed.then(() => reject(new Error(`The process ended: ${problems}`)))
  })
  ready.catch(() => {})
  return { child, closed, ready, printed: () => printed, problems: () => problems }
}

const open = <A>(path: string, look: (store: Store) => Effect.Effect<A, unknown>): Promise<A> =>
  Effect.runPromise(
    Effect.scoped(Effect.flatMap(SqliteStore.make({ file: path, historyCount: 1_000_000 }), look)) as Effect.Effect<A>
  )

const elapse = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))

describe.runIf(isNode)("a process that is killed", () => {
  it(`${KILLS} times under load loses nothing that a client was told, and records each step once`, async () => {
    const path = file()
    const ledger = new Ledger()
    for (let kill = 0; kill < KILLS; kill++) {
      const victim = launch(path)
      await victim.ready
      // The instant of the kill is what varies here; nothing waits for it.
      await elapse(Math.random() * 400)
      victim.child.kill("SIGKILL")
      await victim.closed
      expect(victim.problems()).toBe("")
      ledger.read(victim.printed())
    }
    const rest = launch(path, "drain")
    expect(await rest.closed, rest.problems()).toBe(0)
    expect(ledger.started.size).toBeGreaterThan(KILLS)
    await open(path, (store) => ledger.compare(store, true))
  }, 600_000)

  it("leaves files that hold what was told before, wherever their last page is cut", async () => {
    const path = file()
    const victim = launch(path)
    await victim.ready
    await elapse(300)
    // A copy at a random instant is what a machine has that lost its power then.
    victim.child.kill("SIGSTOP")
    const copied = file()
    copyFileSync(path, copied)
    const log = readFileSync(`${path}-wal`)
    victim.child.kill("SIGKILL")
    await victim.closed
    const ledger = new Ledger()
    ledger.read(victim.printed())
    const main = readFileSync(copied)
    const frame = 24 + main.readUInt16BE(16)
    const whole = file()
    writeFileSync(whole, main)
    writeFileSync(`${whole}-wal`, log)
    await open(whole, (store) => ledger.compare(store, false))
    for (let cut = 32; cut < log.length; cut += frame * Math.max(1, Math.floor(log.length / frame / 40))) {
      const part = file()
      writeFileSync(part, main)
      writeFileSync(`${part}-wal`, log)
      truncateSync(`${part}-wal`, cut + (cut % 3) * 100)
      await open(part, (store) =>
        Effect.gen(function* () {
          const { runs } = yield* store.list({ limit: 500 })
          for (const { id } of runs) {
            const run = yield* store.get(id)
            const events = yield* Stream.runCollect(Stream.take(store.watch(id), run.sequence))
            expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, at) => at + 1))
          }
        })
      )
    }
  }, 600_000)
})
