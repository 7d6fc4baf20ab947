/** Servers under load, in requests per second. Needs `wrk` (Debian: wrk). */
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { median } from "./compare.ts"

const run = promisify(execFile)
const ROUNDS = 5
const SECONDS = 2

/** The request. With a body it is a POST. */
export interface Asked {
  readonly url: string
  readonly header?: readonly [name: string, value: string]
  readonly body?: string
}

/** Successful answers per second. */
const load = async ({ url, header, body }: Asked): Promise<number> => {
  const folder = await mkdtemp(join(tmpdir(), "levada-bench-"))
  const script = join(folder, "request.lua")
  await writeFile(
    script,
    body === undefined
      ? ""
      : `wrk.method = "POST"\nwrk.body = '${body}'\nwrk.headers["Content-Type"] = "application/json"\n`
  )
  const shown = header === undefined ? [] : ["-H", header.join(": ")]
  const { stdout } = await run("wrk", ["-t1", "-c32", `-d${SECONDS}s`, ...shown, "-s", script, url])
  await rm(folder, { recursive: true })
  if (/Non-2xx/.test(stdout)) throw new Error(`${url} answered with errors:\n${stdout}`)
  return Number(/Requests\/sec:\s*([\d.]+)/.exec(stdout)![1])
}

/** The median rate of each, measured in alternating order. `around` runs during the measurement. */
export const rates = async <Subjects extends Readonly<Record<string, Asked>>>(
  subjects: Subjects,
  around: (name: keyof Subjects, measure: () => Promise<number>) => Promise<number> = (_, measure) => measure()
): Promise<{ readonly [Name in keyof Subjects]: number }> => {
  const names: ReadonlyArray<keyof Subjects> = Object.keys(subjects)
  const found = new Map(names.map((name) => [name, [] as Array<number>]))
  for (const name of names) await load(subjects[name]!)
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      found.get(name)!.push(await around(name, () => load(subjects[name]!)))
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(found.get(name)!)])) as {
    readonly [Name in keyof Subjects]: number
  }
}

/** Runs a program that prints a line of JSON once it listens, while `use` runs. */
export const serving = async <Said>(
  [program, ...args]: readonly [string, ...ReadonlyArray<string>],
  use: (said: Said) => Promise<void>
): Promise<void> => {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] })
  try {
    const [line] = (await once(child.stdout, "data")) as [Buffer]
    await use(JSON.parse(line.toString()) as Said)
  } finally {
    child.kill("SIGKILL")
    await once(child, "exit")
  }
}

/** A server in `bench/servers`. */
export const server = (file: string): string => join(import.meta.dirname, "servers", file)

/** One rate as a percentage of another. */
export const percent = (rate: number, of: number): string => `${((100 * rate) / of).toFixed(0)} %`
