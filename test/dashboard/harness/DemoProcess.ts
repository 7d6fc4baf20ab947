/** The demo as a process of its own, which a test can kill and start again. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"

const root = join(import.meta.dirname, "../../..")

/** A demo that listens. */
export interface DemoProcess {
  readonly url: string
  /** Ends it at once, as a crash would. */
  readonly kill: () => Promise<void>
}

const end = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill("SIGKILL")
  await once(child, "exit")
}

/** Starts it, with a Redis and arguments of `demo.ts`. */
export const startDemo = async (redisUrl: string, ...args: ReadonlyArray<string>): Promise<DemoProcess> => {
  const child = spawn(join(root, "node_modules/.bin/node"), [join(import.meta.dirname, "demo.ts"), ...args], {
    cwd: root,
    env: { ...process.env, REDIS_URL: redisUrl },
    stdio: ["ignore", "pipe", "pipe"]
  })
  let printed = ""
  const url = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        printed += chunk.toString()
        const [, found] = /^(http:\/\/\S+)\n/m.exec(printed) ?? []
        if (found !== undefined) resolve(found)
      })
    }
    child.once("exit", (code) => reject(new Error(`The demo ended with ${code}:\n${printed}`)))
  })
  return { url, kill: () => end(child) }
}
