/** A server process: takes runs over HTTP, and over the channel to its driver. It runs no steps. */
import "./Wall.ts"
import { NodeServer } from "../../adapters/node/index.ts"
import { Access, Errors, Levada } from "../../adapters/promise/index.ts"
import { casesOf } from "./Cases.ts"
import { Ledger } from "./Ledger.ts"
import { schedulesOf } from "./Schedules.ts"
import { store, told } from "./Setting.ts"
import { setOff } from "./Wall.ts"
import type { Answer, Asked, ClockSet } from "./Wire.ts"

const setting = told()
new Ledger(setting.directory).watchTime()

const pipelines = casesOf(setting.version).map(({ pipeline }) => pipeline)
const pipelineOf = (id: string) => pipelines.find((pipeline) => pipeline.id === id)!
const levada = Levada.make({
  pipelines,
  access: Access.open,
  store: store(setting),
  worker: false,
  schedules: schedulesOf(setting.version)
})
const serving = await NodeServer.serve(levada, { port: 0 })

const answer = (what: Answer): void => void process.send?.(what)

/** What `work` gives for each, and null where the Store can't be reached. */
const many = <A>(all: ReadonlyArray<A>, work: (one: A) => Promise<string>): Promise<ReadonlyArray<string | null>> =>
  Promise.all(
    all.map((one) =>
      work(one).catch((error: unknown) => {
        if (error instanceof Errors.StoreUnavailable) return null
        throw error
      })
    )
  )

const act = async (asked: Asked): Promise<string | ReadonlyArray<string | null>> => {
  switch (asked.is) {
    case "start":
      return levada.start(pipelineOf(asked.pipeline), asked.parameters, asked.options)
    case "cancel":
      if (asked.step === undefined) await levada.cancel(asked.run, "chaos")
      else await levada.cancelStep(asked.run, asked.step, "chaos")
      return asked.run
    case "start many":
      return many(asked.runs, ({ pipeline, seed }) =>
        levada.start(pipelineOf(pipeline), { seed }, { idempotencyKey: `key-${seed}` })
      )
    case "cancel many":
      return many(asked.runs, (run) => levada.cancel(run, "chaos").then(() => run))
    case "pause":
      await (asked.paused ? levada.pause(asked.pipeline) : levada.resume(asked.pipeline))
      return asked.pipeline
    case "end schedules":
      for (const { id } of await levada.schedules()) await levada.pauseSchedule(id)
      return ""
  }
}

process.on("message", (asked: ClockSet | (Asked & { readonly id: number })) => {
  if (asked.is === "clock") return setOff(asked.offMillis)
  act(asked).then(
    (done) =>
      answer(
        typeof done === "string" ? { is: "done", id: asked.id, run: done } : { is: "many", id: asked.id, runs: done }
      ),
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
