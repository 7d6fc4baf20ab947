/** `npm run fuzz -- --runtime node|bun|deno`: schemathesis against a server, for as long as it takes. Further arguments are schemathesis's. */
import type { Runtime } from "./harness/launch.ts"
import { fuzz, install } from "./harness/Schemathesis.ts"

const [flag, runtime, ...more] = process.argv.slice(2)
const runtimes: ReadonlyArray<string> = ["node", "bun", "deno"]
const isNamed = flag === "--runtime"
if (isNamed && !runtimes.includes(runtime ?? ""))
  throw new Error(`Expected one of ${runtimes.join(", ")} after --runtime`)

const missing = install()
if (missing !== undefined) throw new Error(missing)
const chosen = (isNamed ? runtime : "node") as Runtime
const others = isNamed ? more : process.argv.slice(2)
const { isFine, report } = await fuzz(chosen, undefined, ["--max-examples", "1000", "--continue-on-failure", ...others])
console.log(report)
process.exitCode = isFine ? 0 : 1
