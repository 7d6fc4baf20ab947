/**
 * Typed task pipelines for any JavaScript runtime, in process or over HTTP.
 *
 * @example
 * ```ts
 * import { Access, Levada, Pipeline, Task } from "levada"
 * import * as Schema from "effect/Schema"
 *
 * const shout = Task.make("shout", {
 *   input: { text: Schema.String },
 *   output: { loud: Schema.String },
 *   run: ({ text }) => ({ loud: text.toUpperCase() })
 * })
 * const pipeline = Pipeline.make("shouting", [shout])
 *
 * const levada = Levada.make({ pipelines: [pipeline], access: Access.open })
 * console.log(await levada.execute(pipeline, { text: "hello" })) // HELLO
 * await levada.close()
 * ```
 * @module
 */
export * from "../../core/index.ts"
export * as Levada from "./Levada.ts"
