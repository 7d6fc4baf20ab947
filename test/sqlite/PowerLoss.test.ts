/**
 * A machine that loses its power. A process acknowledges a change after `fsync` of its write-ahead log, so the disk has at least the
 * bytes that the log had then; of the bytes after them it has some part. SQLite writes to the main file only what the log has
 * on the disk, and begins the log anew only when the main file is on the disk.
 */
import { copyFileSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { Ledger } from "./Ledger.ts"
import { problemsInFile } from "./LedgerCheck.ts"
import { randomOf } from "./Load.ts"
import { files } from "./StoreFiles.ts"
import { bundle, launch } from "./Victims.ts"

const isNode = process.env["TEST_RUNTIME"] === "node"
if (!isNode) console.log("Power failures with a Store in a file: tested from Node only; skipped here")

const SEED = Number(process.env["POWER_SEED"] ?? Date.now() % 1_000_000)

/** How many pages of the log are cut off, one after the other. */
const PAGES = 300

/** How many copies are taken of the files of a working process. */
const COPIES = 20

const HEADER = 32
const FRAME = 24 + 4_096

const file = files()

const elapse = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0

const ledgerOf = (text: string, isTold: (walBytes: number, index: number) => boolean): Ledger => {
  const ledger = new Ledger()
  ledger.read(text, isTold)
  return ledger
}

describe.runIf(isNode)("a power failure", () => {
  it("leaves all that was acknowledged before, wherever the write-ahead log ends", async () => {
    const program = bundle(`${file()}.mjs`)
    const path = file()
    const lines = file()
    const victim = launch(program, path, lines, SEED, { CHECKPOINTS: "no" })
    await victim.ready
    while (sizeOf(`${path}-wal`) < HEADER + PAGES * FRAME) await elapse(1)
    victim.kill("SIGKILL")
    await victim.closed
    expect(victim.problems()).toBe("")
    const main = readFileSync(path)
    const log = readFileSync(`${path}-wal`).subarray(0, HEADER + PAGES * FRAME)
    expect(main.readUInt16BE(16)).toBe(FRAME - 24)
    // It was never begun anew: its sequence number is the first.
    expect(log.readUInt32BE(12)).toBe(0)
    const text = readFileSync(lines, "utf8")
    const random = randomOf(SEED)
    const check = async (end: number, tail: Buffer): Promise<void> => {
      const copy = file()
      writeFileSync(copy, main)
      writeFileSync(`${copy}-wal`, Buffer.concat([log.subarray(0, end), tail]))
      const where = `cut at ${end} of ${log.length} bytes, with ${tail.length} others behind, POWER_SEED=${SEED}`
      const ledger = ledgerOf(text, (walBytes) => walBytes <= end)
      expect(await problemsInFile(copy, ledger, false), where).toEqual([])
    }
    const nothing = Buffer.alloc(0)
    await check(0, nothing)
    for (let end = HEADER, at = 0; end <= log.length; end += FRAME, at++) {
      await check(end, nothing)
      // Within a frame; and with later pages on the disk, but not those between.
      if (at % 8 === 3) await check(Math.min(end + Math.ceil(random() * (FRAME - 1)), log.length), nothing)
      if (at % 8 === 7) await check(end, Buffer.concat([Buffer.alloc(FRAME), log.subarray(end + FRAME)]))
    }
  }, 600_000)

  /**
   * The main file is copied first, then the log. A page that a checkpoint writes to the main file meanwhile is in the log as well, and
   * reading the copy takes it from there; so the copy is complete unless the log was begun anew meanwhile, which its header
   * shows. Then the copy is taken again. It proves that both files together, at any instant, have all that was acknowledged.
   */
  it("leaves all that was acknowledged before, at random instants of a process that works on", async () => {
    const program = bundle(`${file()}.mjs`)
    const path = file()
    const lines = file()
    const victim = launch(program, path, lines, SEED)
    await victim.ready
    const random = randomOf(SEED)
    const sequences = new Set<number>()
    // Until there are copies of before and after a checkpoint.
    for (let taken = 0; taken < COPIES || sequences.size < 2; ) {
      expect(victim.problems()).toBe("")
      await elapse(random() * 200)
      const copy = file()
      const told = readFileSync(lines, "utf8").split("\n").length - 1
      const before = headerOf(path)
      copyFileSync(path, copy)
      copyFileSync(`${path}-wal`, `${copy}-wal`)
      if (!headerOf(path).equals(before)) continue
      taken++
      sequences.add(before.readUInt32BE(12))
      const ledger = ledgerOf(readFileSync(lines, "utf8"), (_, index) => index < told)
      expect(await problemsInFile(copy, ledger, false), `copy ${taken}, POWER_SEED=${SEED}`).toEqual([])
    }
    victim.kill("SIGKILL")
    await victim.closed
    expect(victim.problems()).toBe("")
  }, 600_000)
})

/** The header of the log of a file: another one after each time that the log was begun anew. */
const headerOf = (path: string): Buffer => readFileSync(`${path}-wal`).subarray(0, HEADER)
