/** Servers as processes of their own, which a test can kill and start again. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"

const root = join(import.meta.dirname, "../../..")

/** A server that listens. */
export interface ServerProcess {
  readonly url: string
  /** Ends it at once, as a crash would. */
  readonly kill: () => Promise<void>
}

/** Starts a program, which prints a line with its URL when it listens. */
export const startServer = async (
  [program, ...args]: readonly [string, ...ReadonlyArray<string>],
  { cwd = root, env = {} }: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {}
): Promise<ServerProcess> => {
  const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] })
  let printed = ""
  const url = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        printed += chunk.toString()
        const [, found] = /^(http:\/\/\S+)\n/m.exec(printed) ?? []
        if (found !== undefined) resolve(found)
      })
    }
    child.once("error", reject)
    child.once("exit", (code) => reject(new Error(`${program} ended with ${code}:\n${printed}`)))
  })
  return {
    url,
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill("SIGKILL")
      await once(child, "exit")
    }
  }
}

/** Starts the demo, with a Redis and arguments of `demo.ts`. */
export const startDemo = (redisUrl: string, ...args: ReadonlyArray<string>): Promise<ServerProcess> =>
  startServer([join(root, "node_modules/.bin/node"), join(import.meta.dirname, "demo.ts"), ...args], {
    env: { REDIS_URL: redisUrl }
  })
