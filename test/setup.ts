/**
 * `npm run setup`: installs the programs that tests call. As root on Debian it installs the missing ones; elsewhere it
 * prints a line for each missing one, with the tests that are left out. With `CI` set that is a failure.
 */
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { delimiter, join } from "node:path"

/**
 * A program that tests call, by any of its names; the Debian packages that contain it; and the tests that are left out
 * without it.
 */
interface Tool {
  readonly programs: ReadonlyArray<string>
  readonly packages: ReadonlyArray<string>
  readonly without: string
  /** Whether it is on this machine. Default: whether a program with one of the names is. */
  readonly isThere?: () => boolean
}

const has = (program: string): boolean =>
  (process.env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, program)))

const TOOLS: ReadonlyArray<Tool> = [
  {
    programs: ["redis-server", "valkey-server"],
    packages: ["redis-server"],
    without: "all tests of the Store on Redis, of several processes, and chaos",
    isThere: () => process.env["REDIS_URL"] !== undefined || has("redis-server") || has("valkey-server")
  },
  { programs: ["dot"], packages: ["graphviz"], without: "what Graphviz reads of DOT texts" },
  {
    programs: ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"],
    packages: ["chromium-headless-shell"],
    without: "the pages of the documentation in a browser"
  },
  {
    programs: ["rsvg-convert"],
    packages: ["librsvg2-bin"],
    without: "pictures as librsvg draws them"
  },
  { programs: ["curl"], packages: ["curl"], without: "the samples of the REST guide" },
  { programs: ["openssl"], packages: ["openssl"], without: "TLS to servers and to Redis" },
  {
    programs: ["prometheus", "promtool"],
    packages: ["prometheus"],
    without: "metrics as Prometheus reads them, and the Grafana dashboard"
  },
  {
    programs: ["python3"],
    packages: ["python3", "python3-venv"],
    without: "the fuzzer schemathesis, and progress in a real terminal",
    isThere: () => spawnSync("python3", ["-m", "ensurepip", "--version"]).status === 0
  },
  { programs: ["luacheck"], packages: ["lua-check"], without: "the lint of the Lua scripts" }
]

const isMissing = ({ programs, isThere }: Tool): boolean => !(isThere?.() ?? programs.some(has))

/** How a command is run as root; undefined if it can't be without a password. */
const asRoot = (): ReadonlyArray<string> | undefined => {
  if (process.getuid?.() === 0) return []
  return spawnSync("sudo", ["-n", "true"]).status === 0 ? ["sudo", "-n"] : undefined
}

const run = (command: ReadonlyArray<string>): void => {
  const [program, ...args] = command
  spawnSync(program!, args, { stdio: "inherit", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } })
}

const install = (packages: ReadonlyArray<string>): void => {
  const root = has("apt-get") ? asRoot() : undefined
  if (root === undefined) return
  console.log(`Installing for the tests: ${packages.join(", ")}`)
  run([...root, "apt-get", "update", "-q"])
  run([...root, "apt-get", "install", "-qy", "--no-install-recommends", ...packages])
}

const wanted = TOOLS.filter(isMissing)
if (wanted.length > 0) install(wanted.flatMap(({ packages }) => packages))
const missing = wanted.filter(isMissing)
for (const { programs, packages, without } of missing) {
  console.warn(`Missing: ${programs.join(" or ")} (Debian: ${packages.join(" ")}). Left out: ${without}`)
}
if (missing.length > 0 && process.env["CI"] !== undefined) {
  console.error("With CI set, no test may be left out")
  process.exitCode = 1
}
