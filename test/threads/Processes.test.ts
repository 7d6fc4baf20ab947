/**
 * Separate programs, on each runtime, from the sources and from a bundle: their threads work and do not keep them
 * alive.
 */
import { copyFileSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, describe, expect, it } from "vitest"
import { run } from "../package/Command.ts"
import { moduleOf } from "./Calls.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))
const bin = (name: string): string => join(root, "node_modules/.bin", name)
const program = fileURLToPath(moduleOf("program"))

const RUNTIMES: ReadonlyArray<readonly [runtime: string, ...command: ReadonlyArray<string>]> = [
  ["Node", bin("node")],
  ["Bun", bin("bun")],
  ["Deno", bin("deno"), "run", "-A"]
]

const temporary = mkdtempSync(join(tmpdir(), "levada-threads-"))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

describe.each(RUNTIMES)("on %s", (_, command, ...args) => {
  it("a program ends by itself while its threads are idle", async () => {
    expect(await run(root, command!, ...args, program)).toBe("2 1\n")
  })

  it("a program that closes ends, even while a thread computes", async () => {
    expect(await run(root, command!, ...args, program, "close")).toBe("2 1\nclosed\n")
  })

  it("a bundle finds the modules beside it", async () => {
    const folder = mkdtempSync(join(temporary, "bundle-"))
    for (const name of ["half", "spinning"]) copyFileSync(moduleOf(name), join(folder, `${name}.ts`))
    const bundle = join(folder, "bundle.mjs")
    const options = ["--bundle", "--minify", "--format=esm", "--platform=node", `--outfile=${bundle}`]
    await run(root, bin("esbuild"), program, ...options)
    expect(await run(folder, command!, ...args, bundle, "close")).toBe("2 1\nclosed\n")
  })
})

it("threads start when the program is given as a text, as a module", async () => {
  const text = `await import(${JSON.stringify(moduleOf("program").href)})`
  expect(await run(root, bin("node"), "--input-type=module", "--eval", text)).toBe("2 1\n")
})
