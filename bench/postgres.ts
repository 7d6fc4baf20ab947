/** A temporary Postgres for measurements. Needs Debian's `postgresql`. */
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { chown, mkdtemp, readdir, rm } from "node:fs/promises"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { freePort } from "../test/redis/server.ts"

const run = promisify(execFile)
const FOLDER = "/usr/lib/postgresql"

/** How long it may take to start, in milliseconds. */
const START_MILLIS = 30_000

/** Postgres refuses to run as root: then it runs as Debian's user for it. */
const asUser = process.getuid?.() === 0 ? ["runuser", "-u", "postgres", "--"] : []

const command = (...words: ReadonlyArray<string>): readonly [string, ReadonlyArray<string>] => {
  const [first, ...rest] = [...asUser, ...words]
  return [first!, rest]
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.end()
      resolve(true)
    }).on("error", () => resolve(false))
  })

/** Starts a Postgres; `settings` are those of `postgresql.conf`. Undefined if it is not installed. */
export const start = async (
  settings: Readonly<Record<string, string>>
): Promise<{ readonly url: string; readonly stop: () => Promise<void> } | undefined> => {
  const [version] = (await readdir(FOLDER).catch(() => [])).sort().reverse()
  if (version === undefined) return undefined
  const bin = (name: string): string => join(FOLDER, version, "bin", name)
  const folder = await mkdtemp(join(tmpdir(), "levada-postgres-"))
  if (asUser.length > 0) {
    const { stdout } = await run("id", ["-u", "postgres"])
    await chown(folder, Number(stdout), -1)
  }
  const data = join(folder, "data")
  await run(...command(bin("initdb"), "-D", data, "-U", "bench", "-A", "trust", "--no-sync"))
  const port = await freePort()
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])
  const child = spawn(
    ...command(bin("postgres"), "-D", data, "-p", `${port}`, "-h", "127.0.0.1", "-k", folder, ...flags),
    { stdio: "ignore" }
  )
  for (const sinceMillis = Date.now(); !(await answers(port)); ) {
    if (child.exitCode !== null || Date.now() - sinceMillis > START_MILLIS) throw new Error("Postgres does not start")
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return {
    url: `postgres://bench@127.0.0.1:${port}/postgres`,
    stop: async () => {
      const ended = once(child, "exit")
      // Uses pg_ctl, because a signal can't reach a process of another user.
      await run(...command(bin("pg_ctl"), "stop", "-D", data, "-m", "immediate"))
      await ended
      await rm(folder, { recursive: true, force: true })
    }
  }
}
