/**
 * Serves a demo for the dashboard, and prints its address when all is there:
 *
 * node test/dashboard/harness/demo.ts --port 3210 --runs 200 --scenes --busy --secured
 *
 * Each is optional. `--runs`: finished runs of various ages; `--scenes`: a run of each pipeline, schedules, delayed runs, an
 * audit trail; `--busy`: new runs for ever; `--secured`: with the API keys that it prints; `--no-worker`: runs no steps.
 * With `REDIS_URL`, on that Redis, under the prefix `--prefix` (demo).
 */
import { parseArgs } from "node:util"
import * as Demo from "./DemoServer.ts"

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "3210" },
    runs: { type: "string", default: "0" },
    prefix: { type: "string", default: "demo" },
    scenes: { type: "boolean", default: false },
    busy: { type: "boolean", default: false },
    secured: { type: "boolean", default: false },
    "no-worker": { type: "boolean", default: false }
  }
})
const url = process.env["REDIS_URL"]
const demo = await Demo.make({
  port: Number(values.port),
  runs: Number(values.runs),
  scenes: values.scenes,
  busy: values.busy,
  secured: values.secured,
  worker: !values["no-worker"],
  redis: url === undefined ? undefined : { url, prefix: values.prefix }
})
if (values.secured)
  for (const [role, key] of Object.entries(Demo.DEMO_KEYS)) console.log(`X-API-Key of the ${role}: ${key}`)
console.log(demo.url)
const stop = (): void => void demo.close().then(() => process.exit(0))
process.once("SIGINT", stop)
process.once("SIGTERM", stop)
