/** Every block of code in the pages is compiled, and run where it says what it prints. */
import { execFile, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest"
import { freePort } from "../redis/server.ts"
import { type Block, type Page, pages, root } from "./Pages.ts"
import { type Program, programsOf } from "./Programs.ts"
import type { Printed } from "./run.ts"

const run = promisify(execFile)
const bin = join(root, "node_modules", ".bin")
const redisUrl = inject("redisUrl")

mkdirSync(join(root, ".vitest"), { recursive: true })
const folder = mkdtempSync(join(root, ".vitest", "docs-"))
afterAll(() => rmSync(folder, { recursive: true }))

const folderOf = (page: Page): string => join(folder, page.path.replaceAll(/[/.]/g, "_"))

const programs = pages.map((page) => [page, programsOf(page)] as const)
for (const [page, files] of programs) {
  mkdirSync(folderOf(page))
  for (const { file, source } of files) writeFileSync(join(folderOf(page), file), source)
}

/** What a page says of port 8000 and of the Redis on its usual port, where these are in this test. */
const moved = (text: string, port: number): string =>
  text
    .replaceAll(/\b8000\b/g, String(port))
    .replaceAll('"redis://127.0.0.1:6379"', `${JSON.stringify(redisUrl)}, prefix: "docs-${process.pid}"`)

/** What a process printed, and how it failed if it did. */
const ended = (process: Promise<{ readonly stdout: string }>) =>
  process.then(
    ({ stdout }) => ({ stdout, failure: undefined }),
    (error: Error & { readonly stdout: string }) => ({ stdout: error.stdout, failure: error.message })
  )

describe("code", () => {
  it("is there", () => {
    expect(programs.flatMap(([, files]) => files).length).toBeGreaterThanOrEqual(11)
    expect(
      programs.flatMap(([, files]) => files).filter(({ prints }) => prints.length > 0).length
    ).toBeGreaterThanOrEqual(5)
  })

  it("compiles, block by block", async () => {
    const settings = join(folder, "tsconfig.json")
    const compilerOptions = { noUnusedLocals: false }
    writeFileSync(settings, JSON.stringify({ extends: join(root, "tsconfig.json"), compilerOptions, include: ["."] }))
    const compiler = join(root, "node_modules", "@typescript", "native", "bin", "tsc")
    const { failure, stdout } = await ended(run(join(bin, "node"), [compiler, "-p", settings], { cwd: folder }))
    expect({ failure, stdout }).toEqual({ failure: undefined, stdout: "" })
  }, 120_000)

  it("in JSON can be parsed", () => {
    const json = pages.flatMap((page) =>
      page.blocks
        .filter(({ language }) => language === "json")
        .map((block) => [`${page.path}:${block.line}`, block.text])
    )
    for (const [place, text] of json) expect(() => JSON.parse(text!), place).not.toThrow()
  })
})

const needsRedis = ({ file, needs }: Program, files: ReadonlyArray<Program>): boolean =>
  files.some((other) => (other.file === file || needs.includes(other.file)) && other.source.includes("redis://"))

/** Those that say what they print, on their own or with the blocks that they need. */
const printing = programs.flatMap(([page, files]) =>
  files
    .filter((program) => program.prints.length > 0 && (redisUrl !== undefined || !needsRedis(program, files)))
    .map((program) => ({ name: `${page.path}:${program.block.line}`, page, files, program }))
)

describe("a program", () => {
  const places = new Map<string, { readonly path: string; readonly port: number }>()
  const printed = new Map<string, Printed>()
  let failure: string | undefined

  // All in one process: most of the time that one takes is for reading what it imports.
  beforeAll(async () => {
    for (const { name, page, files, program } of printing) {
      const port = await freePort()
      const place = mkdtempSync(`${folderOf(page)}-`)
      for (const { file, source } of files) writeFileSync(join(place, file), moved(source, port))
      places.set(name, { path: join(place, program.file), port })
    }
    const paths = [...places.values()].map(({ path }) => path)
    const script = join(root, "test", "docs", "run.ts")
    const all = await ended(run(join(bin, "node"), [script, ...paths], { timeout: 100_000 }))
    failure = all.failure
    for (const line of all.stdout.split("\n").filter((line) => line !== "")) {
      const each = JSON.parse(line) as Printed
      printed.set(each.path, each)
    }
  }, 120_000)

  it.each(printing)("of $name prints what it says", ({ name, files, program }) => {
    const { path, port } = places.get(name)!
    const expected = [
      ...program.needs.flatMap((need) => files.find(({ file }) => file === need)!.prints),
      ...program.prints
    ]
    expect(printed.get(path)).toEqual({ path, stdout: moved(`${expected.join("\n")}\n`, port), stderr: "" })
  })

  it("leaves nothing open that would keep its process alive", () => {
    expect(failure).toBeUndefined()
  })
})

// -- curl -------------------------------------------------------------------------------------------------------------

/** The commands of a shell block that ask the server, a line each. */
const curls = ({ language, text }: Block): ReadonlyArray<string> =>
  language === "sh"
    ? text
        .replaceAll("\\\n", " ")
        .split("\n")
        .filter((line) => line.startsWith("curl ") && line.includes("127.0.0.1:8000"))
    : []

/** Commands, and the answer to the last of them where the next block says it. */
const asking = (page: Page) =>
  page.blocks.flatMap((block, at) => {
    const lines = curls(block)
    const next = page.blocks[at + 1]
    return lines.length === 0 ? [] : [{ block, lines, answer: next?.language === "json" ? next.text : undefined }]
  })

const VOLATILE = /^(?:task_id|request_id|timestamp|memory_mb|version|\w+_at|since|until|\w*_ms)$/

/** An answer with what differs from one time to the next replaced by its type. */
const steady = (value: unknown, key = ""): unknown => {
  if (VOLATILE.test(key) && value !== null) return typeof value
  if (Array.isArray(value)) return value.map((item) => steady(item))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, steady(item, name)]))
}

describe("curl", () => {
  it.each(pages.filter((page) => asking(page).length > 0).map((page) => [page.path, page] as const))(
    "%s: the server answers as it says",
    async (_, page) => {
      const port = await freePort()
      // Where the page makes a server of its own, its lines are for that one; else for `npm start`.
      const files = programsOf(page)
      const own = files.find(({ file }) => file === "server.ts")
      const place = mkdtempSync(`${folderOf(page)}-`)
      for (const { file, source } of files) writeFileSync(join(place, file), moved(source, port))
      const script = own === undefined ? join(root, "examples", "start.ts") : join(place, own.file)
      const env = {
        ...process.env,
        PATH: `${bin}:${process.env["PATH"]}`,
        PORT: String(port),
        NO_PROXY: "*",
        no_proxy: "*"
      }
      const server = spawn(join(bin, "node"), [script], { cwd: root, env: { ...env, REDIS_URL: undefined } })
      try {
        let printed = ""
        await new Promise<void>((resolve, reject) => {
          for (const stream of [server.stdout, server.stderr]) {
            stream.on("data", (chunk: Buffer) => {
              printed += chunk.toString()
              if (printed.includes(`:${port}`)) resolve()
            })
          }
          server.on("exit", () => reject(new Error(printed)))
        })
        let taskId = ""
        for (const { block, lines, answer } of asking(page)) {
          let last = ""
          for (const line of lines) {
            const command = moved(line, port).replaceAll("TASK_ID", taskId)
            last = (await run("bash", ["-c", `${command} -sS`], { env })).stdout
            taskId = /"task_id":\s*"(\w+)"/.exec(last)?.[1] ?? taskId
          }
          if (answer !== undefined) {
            expect(steady(JSON.parse(last)), `${page.path}:${block.line}`).toEqual(
              steady(JSON.parse(moved(answer, port)))
            )
          }
        }
      } finally {
        server.kill("SIGTERM")
      }
    },
    60_000
  )
})
