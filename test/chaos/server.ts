/** A server process: takes runs over HTTP, and over the channel to its driver. It runs no steps. */
import { NodeServer } from "../../adapters/node/index.ts"
import { Access, Levada } from "../../adapters/promise/index.ts"
import { Ledger } from "./Ledger.ts"
import { CASES, caseOf } from "./Pipelines.ts"
import { store, told } from "./Setting.ts"
import type { Answer, Asked } from "./Wire.ts"

const setting = told()
new Ledger(setting.directory).watchTime()

const levada = Levada.make({
  pipelines: CASES.map(({ pipeline }) => pipeline),
  access: Access.open,
  store: store(setting),
  worker: false
})
const serving = await NodeServer.serve(levada, { port: 0 })

const answer = (what: Answer): void => void process.send?.(what)

const act = async (asked: Asked): Promise<string> => {
  if (asked.is === "start") {
    return levada.start(caseOf(asked.pipeline).pipeline, { seed: asked.seed }, asked.options)
  }
  if (asked.step === undefined) await levada.cancel(asked.run, "chaos")
  else await levada.cancelStep(asked.run, asked.step, "chaos")
  return asked.run
}

process.on("message", (asked: Asked & { readonly id: number }) => {
  act(asked).then(
    (run) => answer({ is: "done", id: asked.id, run }),
    (error: Error) => answer({ is: "refused", id: asked.id, why: error.message })
  )
})
process.on("disconnect", () => process.exit(1))
process.on("SIGTERM", () => void serving.close().then(() => process.exit(0)))
levada.ready.then(
  () => answer({ is: "ready", url: serving.url }),
  (error: Error) => {
    console.error(`Server ${process.pid} can't start: ${error.message}`)
    process.exit(3)
  }
)
