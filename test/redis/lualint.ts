/**
 * `npm run lint`: runs luacheck on each Lua script of the Store on Redis, assembled from its parts as the server gets it. Prints
 * each finding with the file and line of the part. A name of a part counts as unused if no script with that part uses it.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { linesOf } from "../../adapters/redis/lua/generate.ts"
import { PARTS_OF } from "../../adapters/redis/lua/LuaCommands.ts"

/** A finding of luacheck: `<file>:<line>:<column>: (<code>) <message>`. */
const FINDING = /^(.*?)\.lua:(\d+):\d+: \((\w)(\d+)\) (.*)$/

/** luacheck's codes of unused variables, values and fields. */
const UNUSED = /^[23]/

const root = fileURLToPath(new URL("../..", import.meta.url))

/** For each line of a script: its part and line there. */
interface Line {
  readonly part: string
  readonly at: number
  readonly text: string
}

const scriptOf = (parts: ReadonlyArray<string>): ReadonlyArray<Line> =>
  parts.flatMap((part) => linesOf(part).map((text, at) => ({ part, at: at + 1, text })))

const lint = (): ReadonlyArray<string> | undefined => {
  const scripts = new Map(Object.entries(PARTS_OF).map(([name, parts]) => [name, scriptOf(parts)]))
  const folder = mkdtempSync(join(tmpdir(), "levada-lua-"))
  try {
    for (const [name, lines] of scripts) {
      writeFileSync(join(folder, `${name}.lua`), lines.map(({ text }) => text).join("\n"))
    }
    const files = [...scripts.keys()].map((name) => `${name}.lua`)
    const args = ["--formatter", "plain", "--codes", "--config", join(root, ".luacheckrc"), ...files]
    const { error, stdout, stderr } = spawnSync("luacheck", args, { cwd: folder, encoding: "utf8" })
    if (error !== undefined) return undefined
    return [...stderr.split("\n").filter((line) => line !== ""), ...found(stdout, scripts)]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The findings by place, each once. */
const found = (output: string, scripts: ReadonlyMap<string, ReadonlyArray<Line>>): ReadonlyArray<string> => {
  const counts = new Map<string, number>()
  const findings = new Map<string, string>()
  for (const line of output.split("\n")) {
    if (line === "") continue
    const [, name = "", at = "0", , code = "", message = line] = FINDING.exec(line) ?? []
    const place = scripts.get(name)?.[Number(at) - 1]
    if (place === undefined) findings.set(line, line)
    else {
      const where = `adapters/redis/lua/${place.part}.lua:${place.at}: ${message.replace(/ on line \d+$/, "")}`
      const count = (counts.get(where) ?? 0) + 1
      counts.set(where, count)
      const users = [...scripts.values()].filter((lines) => lines.some(({ part }) => part === place.part)).length
      if (!UNUSED.test(code) || count === users) findings.set(where, where)
    }
  }
  return [...findings.values()]
}

const findings = lint()
if (findings === undefined) console.log("No luacheck on this machine: the Lua scripts are not linted")
else for (const finding of findings) console.log(finding)
process.exitCode = findings === undefined ? (process.env["CI"] ? 1 : 0) : Math.min(findings.length, 1)
