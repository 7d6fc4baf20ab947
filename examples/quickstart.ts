/** The smallest pipeline there is: one task, one parameter, one result. Run it: `node examples/quickstart.ts` */
import * as Schema from "effect/Schema"
import { Access, Levada, Pipeline, Task } from "../adapters/promise/index.ts"

const process = Task.make("process", {
  description: "Turns text into capitals",
  input: { data: Schema.String },
  output: { result: Schema.Struct({ processed: Schema.String }) },
  run: ({ data }) => ({ result: { processed: data.toUpperCase() } })
})

export const myPipeline = Pipeline.make("my_pipeline", [process])

if (import.meta.main) {
  const levada = Levada.make({ pipelines: [myPipeline], access: Access.open })
  console.log(await levada.execute(myPipeline, { data: "input_value" })) // { processed: "INPUT_VALUE" }
  await levada.close()
}
