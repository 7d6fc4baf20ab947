/** The fuzzer schemathesis, of PyPI: asks a server for whatever its OpenAPI document allows, and for what it does not. */
import { execFileSync, spawn } from "node:child_process"
import { existsSync, mkdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { type Launched, launch, type Runtime } from "./launch.ts"

/** The version that the suite is held against. */
const VERSION = "4.32.5"

const root = fileURLToPath(new URL("../../../", import.meta.url))
const settings = fileURLToPath(new URL("fuzzing/", import.meta.url))
const cache = `${root}node_modules/.cache/schemathesis-${VERSION}`
const program = `${cache}/bin/schemathesis`

/** Installs it unless it is there. Gives why it can't be, or undefined. */
export const install = (): string | undefined => {
  if (existsSync(program)) return undefined
  try {
    mkdirSync(cache, { recursive: true })
    execFileSync("python3", ["-m", "venv", cache], { stdio: "pipe" })
    execFileSync(`${cache}/bin/pip`, ["install", "--quiet", `schemathesis==${VERSION}`], { stdio: "pipe" })
    return undefined
  } catch (error) {
    return `schemathesis ${VERSION} can't be installed (it needs python3, python3-venv and PyPI): ${String(error)}`
  }
}

/** What it says of a server on a runtime: the report, and whether it found nothing. */
export interface Verdict {
  readonly isFine: boolean
  readonly report: string
}

/** Asks a server on a runtime for `seconds` at most; without them, until it has tried all that it has to try. */
export const fuzz = async (runtime: Runtime, seconds?: number, more: ReadonlyArray<string> = []): Promise<Verdict> => {
  const server: Launched = await launch(runtime, runtime, { GRACE_MILLIS: "100" })
  try {
    const bounds = seconds === undefined ? [] : ["--max-time", String(seconds), "--max-examples", "10"]
    const verdict = await run([`${server.url}/openapi.json`, ...bounds, ...more])
    const alive = await fetch(`${server.url}/health`)
    return alive.status === 200 ? verdict : { ...verdict, isFine: false }
  } finally {
    await server.close()
  }
}

const run = (more: ReadonlyArray<string>): Promise<Verdict> =>
  new Promise((resolve, reject) => {
    const child = spawn(
      program,
      [
        "--config-file",
        `${settings}schemathesis.toml`,
        "run",
        "--no-color",
        "--request-timeout",
        "2",
        "--generation-database",
        "none",
        ...more
      ],
      {
        // It writes files of its own where it is started.
        cwd: cache,
        stdio: ["ignore", "pipe", "pipe"],
        env: {
          ...process.env,
          NO_PROXY: "*",
          no_proxy: "*",
          SCHEMATHESIS_HOOKS: `${settings}checks.py`,
          HYPOTHESIS_STORAGE_DIRECTORY: `${cache}/hypothesis`
        }
      }
    )
    const parts: Array<string> = []
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => void parts.push(chunk.toString()))
    }
    child.once("error", reject)
    child.once("close", (code) => resolve({ isFine: code === 0, report: parts.join("") }))
  })
