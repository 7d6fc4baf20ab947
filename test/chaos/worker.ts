/** A worker process: runs steps until it is told to end, or its driver is gone. */
import "./Wall.ts"
import { Access, Levada } from "../../adapters/promise/index.ts"
import { casesOf } from "./Cases.ts"
import { Ledger } from "./Ledger.ts"
import { GRACE_MILLIS, store, told } from "./Setting.ts"
import { writeInto } from "./Tasks.ts"
import { setOff } from "./Wall.ts"
import type { ClockSet } from "./Wire.ts"

const setting = told()
const ledger = new Ledger(setting.directory)
writeInto(ledger)
ledger.watchTime()

const levada = Levada.make({
  pipelines: casesOf(setting.version).map(({ pipeline }) => pipeline),
  access: Access.open,
  store: store(setting, (name) => ledger.worker(name)),
  worker: { concurrency: 8, graceMillis: GRACE_MILLIS }
})
process.on("message", ({ offMillis }: ClockSet) => setOff(offMillis))
process.on("disconnect", () => process.exit(1))
process.on("SIGTERM", () => void levada.close().then(() => process.exit(0)))
levada.ready.then(
  () => process.send?.({ is: "ready" }),
  (error: Error) => {
    console.error(`Worker ${process.pid} can't start: ${error.message}`)
    process.exit(3)
  }
)
