/** Requests per second against the bare runtime's own JSON hello, in the same process. Needs `wrk` (Debian: wrk). */
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"

const run = promisify(execFile)
const ROUNDS = 5
const SECONDS = 2

const SERVERS: Readonly<Record<string, ReadonlyArray<string>>> = {
  node: ["node", join(import.meta.dirname, "servers/node.ts")],
  bun: ["bun", join(import.meta.dirname, "servers/bun.ts")],
  deno: ["deno", "run", "-A", "--unstable-no-legacy-abort", join(import.meta.dirname, "servers/deno.ts")]
}

const BODY = `{"parameters":{"text":"hello"},"wait":true}`

const load = async (url: string, script: string | undefined): Promise<number> => {
  const { stdout } = await run("wrk", [
    "-t1",
    "-c32",
    `-d${SECONDS}s`,
    ...(script === undefined ? [] : ["-s", script]),
    url
  ])
  if (/Non-2xx/.test(stdout)) throw new Error(`${url} answered with errors:\n${stdout}`)
  return Number(/Requests\/sec:\s*([\d.]+)/.exec(stdout)![1])
}

const median = (values: ReadonlyArray<number>): number =>
  [...values].sort((left, right) => left - right)[values.length >> 1]!

export const http = async (): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), "levada-bench-"))
  const post = join(folder, "post.lua")
  await writeFile(post, `wrk.method = "POST"\nwrk.body = '${BODY}'\nwrk.headers["Content-Type"] = "application/json"\n`)
  console.log("HTTP against the bare runtime's JSON hello (targets: GET dag 85 %, execute and wait 60 %)")
  for (const [runtime, [program, ...args]] of Object.entries(SERVERS)) {
    const child = spawn(program!, args, { stdio: ["ignore", "pipe", "inherit"] })
    const [line] = (await once(child.stdout, "data")) as [Buffer]
    const { bare, levada } = JSON.parse(line.toString()) as { bare: string; levada: string }
    const subjects = [
      ["hello", bare, undefined],
      ["dag", `${levada}/pipelines/graph/dag`, undefined],
      ["hello, POST", bare, post],
      ["execute", `${levada}/pipelines/shout/execute`, post]
    ] as const
    const rates = new Map(subjects.map(([name]) => [name as string, [] as Array<number>]))
    for (const [, url, script] of subjects) await load(url, script)
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, url, script] of round % 2 === 0 ? subjects : subjects.toReversed())
        rates.get(name)!.push(await load(url, script))
    }
    const rate = (name: string): number => median(rates.get(name)!)
    const percent = (ours: string, base: string): string => `${((100 * rate(ours)) / rate(base)).toFixed(0)} %`
    console.log(
      `  ${runtime.padEnd(5)} GET dag ${percent("dag", "hello")}; execute and wait ${percent("execute", "hello, POST")} of a POST that reads its JSON, ${percent("execute", "hello")} of a GET   (hello ${Math.round(rate("hello"))}/s)`
    )
    child.kill("SIGKILL")
    await once(child, "exit")
  }
  await rm(folder, { recursive: true })
}

if (import.meta.main) await http()
