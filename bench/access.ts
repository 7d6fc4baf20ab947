/** What the guard costs: requests per second, secured against open, on Node. Needs `wrk` (Debian: wrk). */
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { promisify } from "node:util"

const run = promisify(execFile)
const ROUNDS = 5
const SECONDS = 2

interface Subject {
  readonly url: string
  readonly header?: readonly [name: string, value: string]
}

const load = async ({ url, header }: Subject): Promise<number> => {
  const { stdout } = await run("wrk", [
    ...["-t1", "-c32", `-d${SECONDS}s`],
    ...(header === undefined ? [] : ["-H", header.join(": ")]),
    `${url}/pipelines/graph/dag`
  ])
  if (/Non-2xx/.test(stdout)) throw new Error(`${url} answered with errors:\n${stdout}`)
  return Number(/Requests\/sec:\s*([\d.]+)/.exec(stdout)![1])
}

const median = (values: ReadonlyArray<number>): number =>
  [...values].sort((left, right) => left - right)[values.length >> 1]!

export const access = async (): Promise<void> => {
  const child = spawn("node", [join(import.meta.dirname, "servers/access.ts")], {
    stdio: ["ignore", "pipe", "inherit"]
  })
  const [line] = (await once(child.stdout, "data")) as [Buffer]
  const subjects = Object.entries(JSON.parse(line.toString()) as Record<string, Subject>)
  const rates = new Map(subjects.map(([name]) => [name, [] as Array<number>]))
  for (const [, subject] of subjects) await load(subject)
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, subject] of round % 2 === 0 ? subjects : subjects.toReversed())
      rates.get(name)!.push(await load(subject))
  }
  const open = median(rates.get("open")!)
  console.log(`The guard on GET dag, on Node, against open access (${Math.round(open)}/s)`)
  for (const [name] of subjects.slice(1)) {
    console.log(`  ${name.padEnd(15)} ${((100 * median(rates.get(name)!)) / open).toFixed(0)} %`)
  }
  child.kill("SIGKILL")
  await once(child, "exit")
}

if (import.meta.main) await access()
