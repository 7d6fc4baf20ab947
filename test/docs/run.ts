/** Runs programs one after the other in this process, and prints what each of them printed as a line of JSON. */
import { dirname } from "node:path"
import { pathToFileURL } from "node:url"

/** What a program printed. */
export interface Printed {
  readonly path: string
  readonly stdout: string
  readonly stderr: string
}

const STREAMS = ["stdout", "stderr"] as const
const print = process.stdout.write.bind(process.stdout)

for (const path of process.argv.slice(2)) {
  const printed = { path, stdout: "", stderr: "" }
  for (const stream of STREAMS) {
    process[stream].write = (chunk: string | Uint8Array) => {
      printed[stream] += chunk.toString()
      return true
    }
  }
  process.chdir(dirname(path))
  await import(pathToFileURL(path).href).catch((error: unknown) => console.error(error))
  print(`${JSON.stringify(printed satisfies Printed)}\n`)
}
