/**
 * Shows a run while it runs: steps, a bar for a map, a retry. Run it in a terminal, then with its output in a file:
 * `node examples/progress.ts`, `node examples/progress.ts 2> progress.log`
 */
import { setTimeout as delay } from "node:timers/promises"
import * as Schema from "effect/Schema"
import { Progress } from "../adapters/progress/index.ts"
import { Access, Levada, Pipeline, Step, Task } from "../adapters/promise/index.ts"

const find = Task.make("find", {
  input: { count: Schema.Int },
  output: { photos: Schema.Array(Schema.String) },
  run: ({ count }) => ({ photos: Array.from({ length: count }, (_, at) => `photo-${at + 1}.jpg`) })
})

const shrink = Task.make("shrink", {
  input: { photo: Schema.String },
  output: { thumbnail: Schema.String },
  run: async ({ photo }) => {
    await delay(20)
    if (photo === "photo-13.jpg") throw new Error("not a JPEG")
    return { thumbnail: `small-${photo}` }
  }
})

/** Its first attempt fails. */
const publish = Task.make("publish", {
  input: { thumbnails: Schema.Array(Schema.String) },
  output: { published: Schema.Number },
  retry: { times: 3, delayMillis: 500 },
  run: async ({ thumbnails }, { attempt, progress }) => {
    if (attempt === 1) throw new Error("the server is busy")
    for (const done of thumbnails.keys()) {
      await delay(5)
      progress(done + 1, thumbnails.length)
    }
    return { published: thumbnails.length }
  }
})

export const gallery = Pipeline.make("gallery", [
  find,
  Step.map(shrink, { over: { photo: "photos" }, outputs: { thumbnail: "thumbnails" }, onItemFailure: "skip" }),
  publish
])

if (import.meta.main) {
  const levada = Levada.make({ pipelines: [gallery], access: Access.open, worker: { concurrency: 8 } })
  const runId = await levada.start(gallery, { count: 200 })
  const { status } = await Progress.show(levada, runId)
  if (status === "COMPLETED") console.log(`${await levada.result(gallery, runId)} thumbnails are published`)
  await levada.close()
}
